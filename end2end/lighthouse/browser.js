// The browser that is measured in.

import puppeteer from "puppeteer-core";

/** Opens it, does the work, and ends it. */
export async function withBrowser(executablePath, work) {
  const args = ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking", "--disable-sync"];
  const browser = await puppeteer.launch({ executablePath, headless: true, args });
  try {
    await work(browser);
  } finally {
    await browser.close();
  }
}
