// What pages look like. Some are compared with the pictures in docs/pictures, which the README shows: so it shows what there is.
// `cargo xtask pictures` makes these anew. All others are for people to look at, in test-results/pictures.

import { Charger } from "./charger.js";
import { alive, distribute, expect, expectNoSidewaysScroll, pages, test as base, useSite } from "./site.js";

const desk = { width: 1440, height: 900 };
const phone = { width: 390, height: 844 };

/** A site at a moment that stays: its clock stands still, and its demo is that of this moment. */
const NOW = "2026-10-14T15:20:00";

const test = base.extend({
  still: [async ({}, use) => useSite((site) => connected(site, use), { BMW_NOW: NOW }, ["demo"]), { scope: "worker" }],
});

/** The charger that is out of contact. */
const LOST = "10245001";

/** With all other chargers connected. They say nothing: that would be at another time than the site's. */
async function connected(site, use) {
  // What chargers are told moves with the real clock.
  await distribute(site, false);
  const { chargers } = await (await fetch(`${site}/api/charger/id/list/`)).json();
  const others = chargers.filter((id) => id !== LOST);
  const all = await Promise.all(others.map((id) => new Charger(site, id).plugIn()));
  // The limits of before are taken away from those that have them, which is all but the one that was never seen.
  const limit = async (id) => {
    const details = await (await fetch(`${site}/api/charger/details/?charger_id=${id}`)).text();
    return Number(details.match(/"intcurrent": ?(\d+)/)?.[1]);
  };
  const limits = () => Promise.all(["10245003", "10245006", "21509001", "21509002", "21509005"].map(limit));
  await expect.poll(limits, { timeout: 60_000 }).toEqual(Array(5).fill(32));
  await use(site);
  await Promise.all(all.map((charger) => charger.pullOut()));
}

const COMPARED = [
  { name: "overview", path: "/overview/?show=chargers", size: desk, theme: "light", lang: "en" },
  { name: "overview-dark", path: "/overview/", size: desk, theme: "dark", lang: "zh" },
  { name: "details", path: `/details/?charger_id=${LOST}&span=1h`, size: desk, theme: "light", lang: "en" },
  { name: "devices-phone", path: "/devices/?sort=state", size: phone, theme: "light", lang: "zh" },
  { name: "settings-phone", path: "/settings/", size: phone, theme: "dark", lang: "en" },
];

const DISTRIBUTION = { path: "/distribution/", zh: "负载均衡", en: "Distribution" };

async function choose(context, url, theme, lang) {
  await context.addCookies([
    { name: "lang", value: lang, url },
    { name: "theme", value: theme, url },
  ]);
}

for (const { name, path, size, theme, lang } of COMPARED) {
  test(`compared: ${name}`, async ({ page, context, still }) => {
    // Other fonts make other pictures; xtask knows which were there.
    test.skip(process.env.BMW_TEST_PICTURES === "no", "the pictures were made with other fonts");
    await page.setViewportSize(size);
    await choose(context, still, theme, lang);
    await page.goto(still + path);
    await alive(page);
    await expect(page).toHaveScreenshot(`${name}.png`);
  });
}

for (const [name, size] of Object.entries({ desk, phone })) {
  for (const theme of ["light", "dark"]) {
    for (const lang of ["zh", "en"]) {
      test(`pictures: ${name}, ${theme}, ${lang}`, async ({ page, context, site }) => {
        await page.setViewportSize(size);
        await choose(context, site, theme, lang);
        for (const { path, ...title } of [...pages, DISTRIBUTION]) {
          await page.goto(path);
          await alive(page);
          await expect(page.locator("h1")).toHaveText(title[lang]);
          await expectNoSidewaysScroll(page);
          const file = `${path.replaceAll("/", "")}-${name}-${theme}-${lang}.png`;
          await page.screenshot({ path: `test-results/pictures/${file}`, fullPage: true });
        }
      });
    }
  }
}
