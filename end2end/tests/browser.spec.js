// What the Content-Security-Policy of pages lets them do: all that they want, and nothing else.

import { alive, expect, pages, test, testChargers, useSite } from "./site.js";

/** Notes in every page what its policy has refused. */
async function watch(page) {
  await page.addInitScript(() => {
    window.refused = [];
    document.addEventListener("securitypolicyviolation", ({ effectiveDirective, blockedURI }) =>
      window.refused.push(`${effectiveDirective}: ${blockedURI}`),
    );
  });
}

const refused = (page) => page.evaluate(() => window.refused);

for (const path of [...pages.map(({ path }) => path), "/cards/", "/nowhere/"]) {
  test(`${path} does nothing that its policy forbids`, async ({ page, quiet }) => {
    await watch(page);
    await page.goto(path);
    await alive(page);
    // What hydration, the feed, a chart and a menu bring into the document.
    for (const summary of (await page.locator("main summary:visible").all()).slice(0, 5)) await summary.click();
    for (const part of (await page.locator("main svg:visible").all()).slice(0, 5)) await part.hover({ force: true });
    await page.locator("[data-do=theme]").click();
    await page.locator("[data-do=lang]").click();
    await expect(page.locator("html")).toHaveAttribute("lang", "zh");
    expect(await refused(page)).toEqual([]);
    // The browser itself reports the 404 of the document.
    if (path === "/nowhere/") quiet.splice(0, quiet.length, ...quiet.filter((line) => !line.includes("404")));
  });
}

const still = ["/account/", "/users/", "/audit/", "/charger_password/?charger_id=10245006", "/api/docs/"];
for (const path of [...still, "/device/", "/qr_codes/", "/offline/"]) {
  test(`${path} does nothing that its policy forbids`, async ({ page }) => {
    await watch(page);
    await page.goto(path);
    await expect(page.locator("h1")).toBeVisible();
    expect(await refused(page)).toEqual([]);
  });
}

test("/log_in/ does nothing that its policy forbids", async ({ browser, site }) => {
  const context = await browser.newContext();
  const page = await context.newPage();
  await watch(page);
  await page.goto(`${site}/log_in/`);
  await expect(page.locator("form.account-form")).toBeVisible();
  expect(await refused(page)).toEqual([]);
  await context.close();
});

const testSimulator = testChargers.extend({
  simulated: async ({}, use) => useSite(use, { BMW_SIMULATOR: "true" }),
});

testSimulator("/simulator/ does nothing that its policy forbids", async ({ page, simulated }) => {
  await watch(page);
  await page.goto(`${simulated}/simulator/`);
  await expect(page.locator("h1")).toBeVisible();
  expect(await refused(page)).toEqual([]);
});

test("what is no part of a page is refused", async ({ page, quiet }) => {
  await watch(page);
  await page.goto("/overview/");
  await alive(page);
  await page.evaluate(() => {
    const add = (name, attributes) => document.body.append(Object.assign(document.createElement(name), attributes));
    add("script", { textContent: "window.owned = 1" });
    add("script", { src: "data:text/javascript,window.owned=2" });
    add("style", { textContent: "body { display: none }" });
    add("iframe", { src: "data:text/html,x" });
    add("div", { innerHTML: "<b style='color:red'>x</b><img src='/x' onerror='window.owned=3'>" });
    setTimeout("window.owned = 4");
  });
  await expect
    .poll(async () => new Set((await refused(page)).map((it) => it.split(":")[0])).size)
    .toBeGreaterThanOrEqual(6);
  expect(await page.evaluate(() => window.owned)).toBeUndefined();
  // The browser says it, too.
  quiet.length = 0;
});

test("no page of another site frames a page", async ({ page, site, quiet }) => {
  await page.setContent(`<iframe src="${site}/overview/"></iframe>`);
  await expect.poll(() => page.frames()[1]?.url()).toBe("chrome-error://chromewebdata/");
  quiet.length = 0;
});
