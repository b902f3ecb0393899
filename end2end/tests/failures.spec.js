// When something fails that is not the person's doing: what is there stays, what happened is said, and one goes on from there.
// What the feed says of a lost server is in feed.spec.js; what works where nothing may run in plain.spec.js.

import {
  ACCOUNT,
  alive,
  expect,
  expectNoReload,
  livePages,
  mark,
  open,
  pages,
  test,
  testChargers,
  useSite,
} from "./site.js";

/** A phone far from its mast: so late comes what was asked for, ms, and so fast, bytes a second. */
const SLOW = { offline: false, latency: 300, downloadThroughput: 1_500_000, uploadThroughput: 500_000 };

async function slowDown(page) {
  const session = await page.context().newCDPSession(page);
  await session.send("Network.enable");
  await session.send("Network.emulateNetworkConditions", SLOW);
}

/** Notes in every page what moves without the person's doing (https://web.dev/articles/cls). */
async function watchShifts(page) {
  await page.addInitScript(() => {
    window.shifts = [];
    new PerformanceObserver((list) => {
      for (const { hadRecentInput, value, sources } of list.getEntries()) {
        const moved = sources.map(({ node }) => node?.outerHTML?.slice(0, 80) ?? node?.textContent);
        if (!hadRecentInput) window.shifts.push(`${value}: ${moved}`);
      }
    }).observe({ type: "layout-shift", buffered: true });
  });
}

const shifts = (page) => page.evaluate(() => window.shifts);

for (const { path, en } of livePages) {
  for (const size of [
    { width: 1440, height: 900 },
    { width: 390, height: 844 },
  ]) {
    test(`on a slow network nothing jumps: ${en}, ${size.width} px`, async ({ page }) => {
      await page.setViewportSize(size);
      await watchShifts(page);
      await slowDown(page);
      await page.goto(path);
      // It is there before it is alive.
      await expect(page.locator("h1")).toHaveText(en);
      await expect(page.locator("main .card").first()).toBeVisible();
      await alive(page);
      expect(await shifts(page)).toEqual([]);
    });
  }
}

test("on a slow network the bar shows that the next page comes, and this one stays until then", async ({ page }) => {
  await open(page, "/overview/");
  await mark(page);
  await slowDown(page);
  for (const { en } of [...pages.slice(1), pages[0]]) {
    const before = await page.locator("h1").textContent();
    await page.getByRole("navigation", { name: "Main" }).getByRole("link", { name: en }).click();
    await expect(page.locator(".topbar.is-routing")).toBeVisible();
    await expect(page.locator("h1")).toHaveText(before);
    await expect(page.locator("main .card").first()).toBeVisible();
    await expect(page.locator("h1")).toHaveText(en);
    await expect(page.locator(".topbar.is-routing")).toHaveCount(0);
  }
  await expectNoReload(page);
});

test("a page whose module does not load is links and forms", async ({ page, quiet }) => {
  await page.route("**/*_bg.wasm", (route) => route.abort());
  for (const { path, en } of livePages) {
    await page.goto(path);
    await expect(page.locator("h1")).toHaveText(en);
    await expect(page.locator(".live-sign")).toHaveAttribute("data-link", "static");
  }
  // A filter.
  await page.goto("/records/");
  await page.locator("select[name=state]").selectOption("finished");
  await page.getByRole("button", { name: "Apply" }).click();
  await expect(page).toHaveURL(/state=finished/);
  await expect(page.locator("#records tbody tr")).toHaveCount(50);
  // A form that changes something.
  await page.getByRole("link", { name: "Settings" }).click();
  await page.getByLabel("Maximum current, phase A").fill("-1");
  await page.getByRole("button", { name: "Save" }).click();
  await expect(page.getByRole("alert")).toContainText("Maximum current, phase A: At least 0.");
  await page.getByLabel("Maximum current, phase A").fill("52");
  await page.getByRole("button", { name: "Save" }).click();
  await expect(page.locator(".said")).toContainText("Maximum current, phase A: 52");
  // A switch.
  await page.locator("[data-do=lang]").click();
  await expect(page.locator("h1")).toHaveText("设置");
  // The browser says that the module did not load, for each page that wanted it.
  quiet.length = 0;
});

test("who was signed out elsewhere is told, keeps what was typed, and goes on when signed in again", async ({ browser, site }) => {
  const context = await browser.newContext({ baseURL: site, locale: "en-GB" });
  const signIn = async (page) => {
    await page.goto("/log_in/?next=/settings/");
    await page.getByLabel("Name").fill(ACCOUNT.username);
    await page.getByLabel("Password").fill(ACCOUNT.password);
    await page.getByRole("button", { name: "Sign in" }).click();
    await alive(page);
  };
  const page = await context.newPage();
  await signIn(page);
  await mark(page);
  await page.getByLabel("Priority lost per time step").fill("7");
  // By somebody with the same cookie, such as the person himself on the page that ends sign-ins.
  const cookie = (await context.cookies()).map(({ name, value }) => `${name}=${value}`).join("; ");
  const headers = { Cookie: cookie, Origin: site };
  const answer = await fetch(`${site}/log_out/`, { method: "POST", headers, redirect: "manual" });
  expect(answer.status).toBe(303);
  const save = page.getByRole("button", { name: "Save" });
  await save.click();
  await expect(page.locator(".said")).toContainText("The server refused this.");
  await expect(page.getByLabel("Priority lost per time step")).toHaveValue("7");
  await expect(page.getByText("1 unsaved change")).toBeVisible();
  const other = await context.newPage();
  await signIn(other);
  await save.click();
  await expect(page.locator(".said")).toContainText("Priority lost per time step: 7");
  await expectNoReload(page);
  await context.close();
});

testChargers("a page that the server did not answer for says so, and is there when it is back", async ({ server, page }) => {
  await open(page, `${server.address}/overview/`);
  await mark(page);
  await server.kill();
  await page.getByRole("navigation", { name: "Main" }).getByRole("link", { name: "Records" }).click();
  const trouble = page.locator(".trouble");
  await expect(trouble).toContainText("The server did not answer.");
  await server.restart();
  await trouble.getByRole("link", { name: "Try again" }).click();
  await expect(trouble).toHaveCount(0);
  await expect(page.locator("#records")).toBeVisible();
  await expectNoReload(page);
});

const testBounded = testChargers.extend({
  // Twenty requests at once, and two a second.
  bounded: async ({}, use) => useSite(use, { BMW_LIMIT_REQUESTS: "2" }, ["demo"]),
});

testBounded("who asks too much is told within the page, and goes on a moment later", async ({ browser, bounded }) => {
  // A stranger: who has signed in is counted apart.
  const context = await browser.newContext({ baseURL: bounded, locale: "en-GB" });
  const page = await context.newPage();
  await open(page, "/overview/");
  await mark(page);
  const links = page.getByRole("navigation", { name: "Main" }).getByRole("link");
  const trouble = page.locator(".trouble");
  // Faster than any person, until it is too much.
  const names = pages.map(({ en }) => en);
  await expect(async () => {
    for (const name of names) await links.filter({ hasText: name }).click();
    await expect(trouble).toContainText("Too much was asked for in a short time.", { timeout: 100 });
  }).toPass({ intervals: [0] });
  await expect(async () => {
    await trouble.getByRole("link", { name: "Try again" }).click();
    await expect(trouble).toHaveCount(0, { timeout: 500 });
  }).toPass();
  await expect(page.locator("main .card").first()).toBeVisible();
  await expectNoReload(page);
  await context.close();
});
