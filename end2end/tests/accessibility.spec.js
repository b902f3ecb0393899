// WCAG 2.2 AA, as far as axe can tell: every page, theme, language and width, what opens on it, and the empty site.

import AxeBuilder from "@axe-core/playwright";
import { alive, expect, framed, livePages, signIn, stillPages, test as base } from "./site.js";

const TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"];
// Left out by its tags unless they are asked for.
const RULES = { "target-size": { enabled: true }, "label-content-name-mismatch": { enabled: true } };
const COLOURS = ["color-contrast", "link-in-text-block"];

const WIDTHS = [
  { width: 1440, height: 900 },
  { width: 390, height: 844 },
];

const test = base.extend({
  // Nothing is half way between two colours.
  contextOptions: { reducedMotion: "reduce" },
});

/** What axe finds, each with the element and why. The theme decides on colours alone. */
async function found(page, theme, within) {
  // Without frames there is nothing to be asked beside the page itself.
  const axe = new AxeBuilder({ page }).setLegacyMode(true).options({ rules: RULES, resultTypes: ["violations"] });
  if (theme === "light") axe.withTags(TAGS);
  else axe.withRules(COLOURS);
  if (within) axe.include(within);
  const { violations } = await axe.analyze();
  return violations.flatMap(({ id, help, nodes }) =>
    nodes.map(({ target, any }) => `${id}: ${help}: ${target}: ${any.map(({ message }) => message).join("; ")}`),
  );
}

/** The page as it stands, in both themes and widths. Neither is a reason to load it again. */
async function check(page, what, within) {
  for (const size of WIDTHS) {
    await page.setViewportSize(size);
    for (const theme of ["light", "dark"]) {
      await page.emulateMedia({ colorScheme: theme });
      await page.evaluate((theme) => document.documentElement.setAttribute("data-theme", theme), theme);
      await page.evaluate(framed);
      expect.soft(await found(page, theme, within), `${what}, ${size.width} px, ${theme}`).toEqual([]);
    }
  }
}

/** All that can be opened on the page, at once. */
const openAll = (page) =>
  page.evaluate(() => {
    for (const details of document.querySelectorAll("details")) details.open = true;
  });

async function speak(page, lang) {
  await page.context().addCookies([{ name: "lang", value: lang, url: page.url() }]);
  await page.reload();
  await expect(page.locator("html")).toHaveAttribute("lang", lang);
}

for (const { path, ...title } of [...livePages, { path: "/nowhere/", zh: "没有这个页面", en: "There is no such page" }]) {
  test(`${title.en}: axe finds nothing`, async ({ page, emptySite, quiet }) => {
    await page.goto(path);
    for (const lang of ["en", "zh"]) {
      if (lang === "zh") await page.locator("[data-do=lang]").click();
      await alive(page);
      await expect(page.locator("h1")).toHaveText(title[lang]);
      await check(page, lang);
      await openAll(page);
      if ((await page.locator("details").count()) > 0) await check(page, `${lang}, opened`, "details");
    }
    // The browser itself reports the 404 of the document.
    if (path === "/nowhere/") quiet.splice(0, quiet.length, ...quiet.filter((line) => !line.includes("404")));
    else {
      await page.goto(emptySite + path);
      await alive(page);
      await check(page, "the empty site");
    }
  });
}

for (const { path, en } of stillPages.filter(({ path }) => path !== "/log_in/")) {
  test(`${en}: axe finds nothing`, async ({ page }) => {
    await page.goto(path);
    await expect(page.locator("h1")).toContainText(en);
    for (const lang of ["en", "zh"]) {
      await speak(page, lang);
      await openAll(page);
      await check(page, lang);
    }
  });
}

test("Sign in: axe finds nothing, also when it failed", async ({ browser, site }) => {
  const context = await browser.newContext({ baseURL: site, reducedMotion: "reduce" });
  const page = await context.newPage();
  for (const lang of ["en", "zh"]) {
    await page.goto("/log_in/");
    await speak(page, lang);
    await check(page, lang);
    await page.locator("input[name=username]").fill("nobody");
    await page.locator("input[name=password]").fill("nothing");
    await page.locator("form.account-form button[type=submit]").first().click();
    await expect(page.getByRole("alert")).toBeVisible();
    await check(page, `${lang}, failed`);
  }
  await context.close();
});

test("The second factor: axe finds nothing while it is set up", async ({ page }) => {
  await page.goto("/account/");
  const factor = page.locator("#second-factor");
  await factor.locator("button[value=factor-begin]").click();
  for (const lang of ["en", "zh"]) {
    await speak(page, lang);
    await expect(factor.getByRole("img")).toBeVisible();
    await check(page, lang);
  }
  await factor.locator("button[value=factor-leave]").click();
});

test("The session dialog: axe finds nothing", async ({ page }) => {
  await page.goto("/records/?state=finished");
  await alive(page);
  await page.locator("#records tbody th a").first().click();
  for (const lang of ["en", "zh"]) {
    if (lang === "zh") await speak(page, lang);
    await alive(page);
    await expect(page.locator("dialog:modal")).toBeVisible();
    await check(page, lang);
  }
});

test("What is wrong and what was said: axe finds nothing", async ({ page }) => {
  await page.goto("/settings/");
  await alive(page);
  await page.getByLabel("Maximum current, phase B").fill("-1");
  await expect(page.getByRole("alert")).toBeVisible();
  await check(page, "settings with an error");
  await page.getByRole("button", { name: "Discard" }).click();
  await page.getByRole("button", { name: "Save" }).click();
  await page.goto("/records/?card=nobody");
  await alive(page);
  await check(page, "records without a match");
  await page.goto("/details/?charger_id=nobody");
  await alive(page);
  await check(page, "a charger that is none");
});

test("What says that the server is gone: axe finds nothing", async ({ page }) => {
  let socket;
  await page.routeWebSocket(/\/ws\/charger\/details\//, (route) => {
    // The first one lives until it is cut off, and no other comes about.
    if (socket) return route.close();
    socket = route;
    route.connectToServer();
  });
  await page.goto("/devices/");
  for (const lang of ["en", "zh"]) {
    if (lang === "zh") await page.locator("[data-do=lang]").click();
    else {
      await alive(page);
      await socket.close();
    }
    await expect(page.locator("[data-key=offline]")).toBeVisible({ timeout: 45_000 });
    await check(page, lang);
  }
});

test("The gallery: axe finds nothing", async ({ page, site }) => {
  const { status } = await fetch(`${site}/gallery/`);
  test.skip(status === 404, "it is part of development builds alone");
  await page.goto("/gallery/");
  for (const lang of ["en", "zh"]) {
    await speak(page, lang);
    await check(page, lang);
  }
});

test("The documentation of the routes: axe finds nothing", async ({ page }) => {
  await page.goto("/api/docs/");
  await check(page, "en");
});

test("The simulator: axe finds nothing", async ({ page, simulated }) => {
  await signIn(page.context(), simulated);
  await page.goto(`${simulated}/simulator/`);
  for (const lang of ["en", "zh"]) {
    await speak(page, lang);
    await openAll(page);
    await check(page, lang);
  }
});

test("A stranger's pages: axe finds nothing", async ({ browser, site }) => {
  const context = await browser.newContext({ baseURL: site, locale: "en-GB", reducedMotion: "reduce" });
  const page = await context.newPage();
  for (const path of ["/details/", "/settings/", "/cards/"]) {
    await page.goto(path);
    await alive(page);
    await check(page, path);
  }
  await context.close();
});
