// Makes the icons of the app from the one drawing, public/favicon.svg: `node icons.js`, after each change of it. What comes
// out is kept beside it: nobody who builds the program needs a browser for that.

import { chromium } from "@playwright/test";
import { readFileSync, writeFileSync } from "node:fs";

const folder = new URL("../public/", import.meta.url);
const drawing = readFileSync(new URL("favicon.svg", folder), "utf8");
// A system that cuts the corners by itself wants colour up to the edge, and nothing that matters outside of the inner 80 %.
const full = drawing.replace('rx="112"', "").replace(/(<rect[^>]*>)(.*)<\/svg>/s, (_, ground, art) => {
  return `${ground}<g transform="translate(256 256) scale(0.8) translate(-256 -256)">${art}</g></svg>`;
});
const icons = [
  ["icon-192.png", 192, drawing],
  ["icon-512.png", 512, drawing],
  ["icon-maskable-512.png", 512, full],
  ["apple-touch-icon.png", 180, full],
];

const browser = await chromium.launch({
  executablePath: process.env.BMW_TEST_CHROMIUM || "/usr/bin/chromium",
  args: ["--no-sandbox", "--disable-gpu"],
});
for (const [name, side, svg] of icons) {
  const page = await browser.newPage({ viewport: { width: side, height: side } });
  await page.setContent(`<style>body { margin: 0 } svg { display: block; width: 100vw }</style>${svg}`);
  writeFileSync(new URL(name, folder), await page.screenshot({ omitBackground: true }));
  await page.close();
}
await browser.close();
