// Pictures of all pages for people to look at, in test-results/pictures.

import { alive, expect, expectNoSidewaysScroll, pages, test } from "./site.js";

const sizes = [
  { name: "desk", width: 1440, height: 900 },
  { name: "phone", width: 390, height: 844 },
];

for (const size of sizes) {
  for (const theme of ["light", "dark"]) {
    for (const lang of ["zh", "en"]) {
      test(`pictures: ${size.name}, ${theme}, ${lang}`, async ({ page, context, site }) => {
        await page.setViewportSize(size);
        await context.addCookies([
          { name: "lang", value: lang, url: site },
          { name: "theme", value: theme, url: site },
        ]);
        for (const { path, ...title } of pages) {
          await page.goto(path);
          await alive(page);
          await expect(page.locator("h1")).toHaveText(title[lang]);
          await expectNoSidewaysScroll(page);
          const name = path.replaceAll("/", "");
          await page.screenshot({ path: `test-results/pictures/${name}-${size.name}-${theme}-${lang}.png`, fullPage: true });
        }
      });
    }
  }
}
