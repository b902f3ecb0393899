import { alive, expect, expectNoReload, expectNoSidewaysScroll, mark, open, pages, test } from "./site.js";

for (const { path, en } of pages) {
  test(`${en} hydrates without a word in the console`, async ({ page }) => {
    const told = page.waitForEvent("websocket").then((socket) => socket.waitForEvent("framereceived"));
    await open(page, path);
    await expect(page.locator("h1")).toHaveText(en);
    await expect(page).toHaveTitle(`${en} · BMW`);
    // What comes after hydration: the feed tells, and that is drawn.
    await told;
    await page.evaluate(() => new Promise((drawn) => requestAnimationFrame(() => requestAnimationFrame(drawn))));
  });

  test(`${en} fits a phone`, async ({ page }) => {
    await page.setViewportSize({ width: 360, height: 740 });
    await open(page, path);
    await expectNoSidewaysScroll(page);
  });
}

test("what is large is loaded when the page is painted", async ({ page }) => {
  // Each of them: what only looks for a frame is there first now and then.
  for (const { path } of pages) {
    await open(page, path);
    const { painted, asked } = await page.evaluate(() => ({
      painted: performance.getEntriesByType("paint").map(({ startTime }) => startTime),
      asked: performance.getEntriesByType("resource").find(({ name }) => name.endsWith(".wasm")).startTime,
    }));
    expect(asked, path).toBeGreaterThan(Math.min(...painted));
  }
});

test("nothing is laid out before its style is there", async ({ page }) => {
  // How many sheets there are as the first of the page is read.
  await page.addInitScript(() => {
    new MutationObserver((_, watch) => {
      if (!document.body) return;
      watch.disconnect();
      window.sheetsAtFirst = document.styleSheets.length;
    }).observe(document, { childList: true, subtree: true });
  });
  const whole = page.waitForEvent("requestfinished", (request) => request.isNavigationRequest());
  await page.route("**/*.css", async (route) => {
    await whole;
    await route.continue();
  });
  await open(page, "/devices/");
  expect(await page.evaluate(() => window.sheetsAtFirst)).toBe(1);
});

test("a browser that does not say when it has painted brings pages to life as well", async ({ page }) => {
  await page.addInitScript(() => {
    window.PerformanceObserver = class {
      observe() {}
    };
  });
  await open(page, "/overview/");
});

test("commands that are closed away cost no layout", async ({ page }) => {
  const laidOut = (where) =>
    page.locator(where).evaluateAll((fields) => fields.filter((field) => field.getClientRects().length > 0).length);
  await open(page, "/devices/");
  expect(await page.locator(".bulk-more .entry").count()).toBeGreaterThan(0);
  expect(await laidOut(".bulk-more .entry")).toBe(0);
  await open(page, "/details/");
  expect(await page.locator(".group:not([open]) .entry").count()).toBeGreaterThan(0);
  expect(await laidOut(".group:not([open]) .entry")).toBe(0);
});

test("moving between pages never reloads", async ({ page }) => {
  await open(page, "/");
  await mark(page);
  for (const { path, en } of [...pages.slice(1), pages[0]]) {
    await page.getByRole("navigation", { name: "Main" }).getByRole("link", { name: en }).click();
    await expect(page.locator("h1")).toHaveText(en);
    await expect(page).toHaveURL(new RegExp(`${path}$`));
    await expect(page.locator(`.rail-link[aria-current=page]`)).toHaveText(en);
  }
  await page.goBack();
  await expect(page.locator("h1")).toHaveText("Settings");
  await expectNoReload(page);
});

test("an address without a page says so and leads back", async ({ page, quiet }) => {
  const answer = await page.goto("/nowhere/");
  expect(answer.status()).toBe(404);
  await alive(page);
  await mark(page);
  await page.getByRole("link", { name: "Back to the overview" }).click();
  await expect(page.locator("h1")).toHaveText("Overview");
  await expectNoReload(page);
  // The browser itself reports the 404 of the document.
  quiet.splice(0, quiet.length, ...quiet.filter((line) => !line.includes("404")));
});

test("the first visit speaks the browser's language", async ({ browser, site }) => {
  for (const [locale, title] of [
    ["zh-CN", "总览"],
    ["en-US", "Overview"],
  ]) {
    const context = await browser.newContext({ locale });
    const page = await context.newPage();
    await page.goto(`${site}/overview/`);
    await expect(page.locator("h1")).toHaveText(title);
    await expect(page.locator("html")).toHaveAttribute("lang", title === "总览" ? "zh" : "en");
    await context.close();
  }
});

test("the language switches at once, without reload, and is remembered", async ({ page }) => {
  await open(page, "/settings/");
  await mark(page);
  await page.getByLabel("Maximum current, phase A").fill("63");
  await page.locator("[data-do=lang]").click();
  await expect(page.locator("h1")).toHaveText("设置");
  await expect(page.locator("html")).toHaveAttribute("lang", "zh");
  await expect(page).toHaveTitle("设置 · BMW");
  // What was typed is still there.
  await expect(page.locator("#field-max_current_a")).toHaveValue("63");
  await expectNoReload(page);
  page.on("dialog", (dialog) => dialog.accept());
  await page.reload();
  await alive(page);
  await expect(page.locator("h1")).toHaveText("设置");
});

test("the theme goes from system to light to dark, and is there at the first paint", async ({ page }) => {
  await open(page, "/overview/");
  const theme = page.locator("[data-do=theme]");
  for (const word of ["light", "dark"]) {
    await theme.click();
    await expect(page.locator("html")).toHaveAttribute("data-theme", word);
  }
  const answer = await page.reload();
  expect(await answer.text()).toContain('data-theme="dark"');
  await alive(page);
  await theme.click();
  await expect(page.locator("html")).toHaveAttribute("data-theme", "system");
});

test("the policy allows nothing inline", async ({ page }) => {
  const answer = await page.goto("/overview/");
  const policy = answer.headers()["content-security-policy"];
  expect(policy).toContain("style-src 'self'");
  expect(policy).toMatch(/script-src 'self' 'nonce-[^']+' 'wasm-unsafe-eval'/);
  expect(await answer.text()).not.toMatch(/<[^>]+\sstyle=/);
});

test("the site's emptiness is explained", async ({ page, emptySite }) => {
  for (const { path, en } of pages) {
    await page.goto(emptySite + path);
    await alive(page);
    await expect(page.locator("h1")).toHaveText(en);
  }
  await page.goto(`${emptySite}/overview/`);
  await expect(page.getByText("There are no chargers yet.")).toBeVisible();
});

test("the system's bar above a page has the colour of the page", async ({ page, context, site }) => {
  for (const theme of ["light", "dark"]) {
    await context.addCookies([{ name: "theme", value: theme, url: site }]);
    await page.goto("/overview/");
    const [bar, ground] = await page.evaluate(() => {
      const metas = [...document.querySelectorAll("meta[name=theme-color]")];
      const context = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
      const painted = (colour) => {
        context.fillStyle = colour;
        context.fillRect(0, 0, 1, 1);
        return [...context.getImageData(0, 0, 1, 1).data];
      };
      const told = metas.find(({ media }) => matchMedia(media).matches).content;
      return [told, getComputedStyle(document.documentElement).backgroundColor].map(painted);
    });
    expect(bar, theme).toEqual(ground);
  }
});
