// In the yard, where the network is bad: the site as an app, what a device keeps of it, and the codes on the chargers.

import { chromium } from "@playwright/test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { front } from "./front.js";
import { ACCOUNT, alive, expect, expectNoReload, mark, prepared, serve, testChargers } from "./site.js";

const test = testChargers.extend({
  // The demo's site, behind a network that can be cut.
  network: async ({}, use) => {
    const folder = mkdtempSync(join(tmpdir(), "bmw-yard-"));
    const server = await serve(prepared(folder, "yard.db", ["demo"]));
    const network = await front(server.address);
    await use(network);
    await network.cut().catch(() => {});
    await server.end();
    rmSync(folder, { recursive: true });
  },
  baseURL: async ({ network }, use) => use(network.address),
});

test.use({ serviceWorkers: "allow" });

const MINUTE = 60_000;

/** What is kept: addresses by the name of the cache. */
const kept = (page) =>
  page.evaluate(async () => {
    const all = {};
    for (const name of await caches.keys()) {
      const requests = await (await caches.open(name)).keys();
      all[name] = requests.map(({ url }) => url.replace(location.origin, ""));
    }
    return all;
  });

const addresses = async (page) => Object.values(await kept(page)).flat();

const isKept = (page, address) => expect.poll(() => addresses(page)).toContain(address);

/** Opens a page and waits until it is alive and kept. */
async function see(page, address) {
  await page.goto(address);
  await alive(page);
  await isKept(page, address);
}

/** Makes what is kept older. */
const age = (page, address, ms) =>
  page.evaluate(
    async ([address, ms]) => {
      for (const name of await caches.keys()) {
        const cache = await caches.open(name);
        const answer = await cache.match(address);
        if (!answer) continue;
        const then = Number(answer.headers.get("kept")) - ms;
        const text = (await answer.text()).replace(/data-kept="\d+"/, `data-kept="${then}"`);
        const headers = new Headers(answer.headers);
        headers.set("kept", then);
        await cache.put(address, new Response(text, { headers }));
      }
    },
    [address, ms],
  );

const sign = (page) => page.locator(".live-sign");
const isStale = (page) => expect(sign(page)).toHaveAttribute("data-link", "stale");

test("without network a page is shown as it was last known, with its age, and comes back without reload", async ({ network, page }) => {
  await see(page, "/overview/");
  const sessions = await page.locator("#sessions tbody tr").allTextContents();
  await age(page, "/overview/", 12 * MINUTE);
  await network.cut();
  await page.reload();
  await isStale(page);
  await expect(page.locator(".live-age")).toHaveText("12 min ago");
  expect((await page.locator("#sessions tbody tr").allTextContents()).length).toBe(sessions.length);
  await mark(page);
  // It is alive by what was kept of the bundle.
  await page.locator("[data-do=theme]").click();
  await expect(page.locator("html")).toHaveAttribute("data-theme", "light");
  await network.mend();
  await alive(page);
  await expect(page.locator(".live-age")).toHaveCount(0);
  await expectNoReload(page);
  // What it shows is new, and so is what is kept.
  const before = await page.evaluate(async () => (await caches.match("/overview/")).headers.get("kept"));
  await expect
    .poll(() => page.evaluate(async () => (await caches.match("/overview/")).headers.get("kept")))
    .not.toBe(String(Number(before) - 12 * MINUTE));
});

test("times on a kept page are counted from when it was kept", async ({ network, page }) => {
  await see(page, "/details/");
  const contact = page.locator(".page-head .reason");
  await expect(contact).toContainText("No contact");
  await age(page, "/details/", 26 * 60 * MINUTE);
  await network.cut();
  await page.reload();
  await isStale(page);
  await expect(contact).toContainText(/No contact for 1\s*d/);
});

test("what is older than a week is shown no more", async ({ network, page }) => {
  await see(page, "/overview/");
  await age(page, "/overview/", 8 * 24 * 60 * MINUTE);
  await network.cut();
  await page.reload();
  await expect(page.locator("h1")).toHaveText("Offline");
});

test("pages that were seen by links are shown without network, others say that they were not kept", async ({ network, page }) => {
  await see(page, "/overview/");
  await page.getByRole("link", { name: "Devices", exact: true }).click();
  await expect(page.locator("#device-list tbody tr").first()).toBeVisible();
  await isKept(page, "/devices/");
  await network.cut();
  await page.getByRole("link", { name: "Overview", exact: true }).click();
  await isStale(page);
  await expect(page.locator("#sessions tbody tr").first()).toBeVisible();
  await page.getByRole("link", { name: "Devices", exact: true }).click();
  await expect(page.locator("#device-list tbody tr").first()).toBeVisible();
  for (const name of ["Records", "Settings"]) {
    await page.getByRole("link", { name, exact: true }).click();
    await expect(page.locator("h1")).toHaveText("Offline");
    await expect(page.locator("main")).toContainText("was not kept on this device");
  }
  await page.goto("/account/");
  await expect(page.locator("h1")).toHaveText("Offline");
  await network.mend();
  await page.getByRole("link", { name: "Try again" }).click();
  await expect(page.locator("h1")).toHaveText("My account");
});

test("a page that was not kept says so in Chinese, and opens by itself", async ({ network, page }) => {
  await page.context().addCookies([{ name: "lang", value: "zh", url: network.address }]);
  await see(page, "/overview/");
  await isKept(page, "/offline/");
  await network.cut();
  await page.goto("/records/");
  await expect(page.locator("h1")).toHaveText("离线");
  await network.mend();
  await expect(page.locator("h1")).toHaveText("记录");
});

test("where the network takes what is sent and says nothing, what is kept is shown after a while", async ({ network, page }) => {
  await see(page, "/overview/");
  network.slow();
  await page.reload();
  await expect(page.locator("html")).toHaveAttribute("data-kept", /^\d+$/);
  await expect(page.locator("#sessions tbody tr").first()).toBeVisible();
});

test("of what not everybody may see nothing is kept, and of the routes nothing at all", async ({ page }) => {
  await see(page, "/overview/");
  await see(page, "/records/");
  const cells = await page.locator("#records tbody td[data-label='Card']").allTextContents();
  const card = cells.map((text) => text.trim()).find((text) => /\w/.test(text));
  expect(card).toBeDefined();
  await page.evaluate(() => Promise.all(["/api/charger/list/", "/records/export.csv"].map((path) => fetch(path))));
  for (const path of ["/cards/", "/account/", "/users/", "/audit/"]) {
    await page.goto(path);
    await expect(page.locator("h1")).toBeVisible();
  }
  await see(page, "/settings/");
  for (const address of await addresses(page)) {
    expect(address).toMatch(/^\/(overview|records|settings|offline|pkg)\//);
  }
  const text = await page.evaluate(async () => (await caches.match("/records/")).text());
  expect(text).toContain('data-account="admin"');
  expect(text).not.toContain(card);
});

test("to sign out removes what was kept", async ({ network, page }) => {
  await see(page, "/overview/");
  expect(Object.keys(await kept(page))).toEqual([`bmw en ${ACCOUNT.username}`]);
  await page.locator(".account-menu summary").click();
  await page.getByRole("button", { name: "Sign out" }).click();
  await page.waitForURL(/log_in|overview/);
  await expect.poll(async () => Object.keys(await kept(page))).not.toContain(`bmw en ${ACCOUNT.username}`);
  expect(network.address).toBe(new URL(page.url()).origin);
});

test("what is kept is of one account: when its sign-in has ended, nothing is left of it", async ({ page }) => {
  await see(page, "/overview/");
  await see(page, "/devices/");
  await page.context().clearCookies();
  // Where reading is open the page is shown to nobody in particular.
  await page.evaluate(() => location.assign("/overview/"));
  await expect(page.getByRole("link", { name: "Sign in" })).toBeVisible();
  await expect.poll(async () => Object.keys(await kept(page))).toEqual(["bmw en "]);
  await isKept(page, "/overview/");
  expect(await addresses(page)).not.toContain("/devices/");
});

test("a new version's files take the place of the old ones", async ({ network, page }) => {
  const files = async () => (await addresses(page)).filter((address) => address.startsWith("/pkg/")).sort();
  await see(page, "/overview/");
  const old = await files();
  expect(old).toHaveLength(3);
  network.renew();
  await page.reload();
  await alive(page);
  await expect.poll(files).not.toEqual(old);
  await expect.poll(async () => (await files()).filter((file) => old.includes(file))).toEqual([]);
  expect(await files()).toHaveLength(3);
  // They are enough.
  await network.cut();
  await page.reload();
  await isStale(page);
  await expect(page.locator("#sessions tbody tr").first()).toBeVisible();
});

test("a new service worker takes over from the old one", async ({ page }) => {
  await see(page, "/overview/");
  const changed = await page.evaluate(async () => {
    const before = navigator.serviceWorker.controller;
    const taken = new Promise((resolve) => navigator.serviceWorker.addEventListener("controllerchange", resolve));
    // Another address is another script to the browser, as other bytes would be.
    await navigator.serviceWorker.register("/sw.js?new");
    await taken;
    return navigator.serviceWorker.controller !== before;
  });
  expect(changed).toBe(true);
  await page.reload();
  await alive(page);
});

/** A browser that is no private one, in which nothing can be installed. */
async function persistent(use, args = []) {
  const folder = mkdtempSync(join(tmpdir(), "bmw-browser-"));
  const context = await chromium.launchPersistentContext(folder, {
    executablePath: process.env.BMW_TEST_CHROMIUM || "/usr/bin/chromium",
    args: ["--no-sandbox", "--disable-gpu", "--no-first-run", ...args],
    locale: "en-GB",
  });
  await use(context.pages()[0]);
  await context.close();
  rmSync(folder, { recursive: true });
}

test("the browser finds nothing that keeps it from being installed", async ({ network }) => {
  await persistent(async (page) => {
    await page.goto(`${network.address}/overview/`);
    await alive(page);
    await page.evaluate(() => navigator.serviceWorker.ready.then(() => undefined));
    const browser = await page.context().newCDPSession(page);
    const manifest = await browser.send("Page.getAppManifest");
    expect(manifest.errors).toEqual([]);
    expect(JSON.parse(manifest.data)).toMatchObject({ start_url: "/overview/", display: "standalone", lang: "en" });
    expect((await browser.send("Page.getInstallabilityErrors")).installabilityErrors).toEqual([]);
  });
});

test("the page of this device tells what is kept, and removes it", async ({ page }) => {
  await see(page, "/overview/");
  await page.goto("/settings/");
  await alive(page);
  await isKept(page, "/settings/");
  await page.getByRole("link", { name: "On this device" }).click();
  await expect(page.locator("h1")).toHaveText("On this device");
  await expect(page.locator("[data-way=desktop]")).toBeVisible();
  await expect(page.locator("[data-way=ios]")).toBeHidden();
  await expect(page.locator("[data-when=insecure]").first()).toBeHidden();
  // The two, and the one that says what was not kept.
  await expect(page.locator("#kept-count")).toHaveText("2");
  await page.getByRole("button", { name: "Remove what is kept" }).click();
  await expect(page.locator("#kept-count")).toHaveText("0");
  expect(await kept(page)).toEqual({});
});

test("where browsers allow nothing of it, the page of this device says why", async ({ network }) => {
  const { port } = new URL(network.address);
  const rules = ["--host-resolver-rules=MAP yard.example 127.0.0.1"];
  await persistent(async (page) => {
    await page.goto(`http://yard.example:${port}/overview/`);
    await alive(page);
    expect(await page.evaluate(() => [isSecureContext, "serviceWorker" in navigator])).toEqual([false, false]);
    await page.goto(`http://yard.example:${port}/device/`);
    await expect(page.locator("[data-when=insecure]").first()).toContainText("neither HTTPS nor localhost");
    await expect(page.locator("[data-when=by-hand]")).toBeHidden();
  }, rules);
});

test("the sheet of codes is found from a charger, and prints nothing but labels", async ({ page }) => {
  await page.goto("/details/");
  await alive(page);
  await page.getByRole("link", { name: "QR code" }).click();
  await expect(page.locator(".label")).toHaveCount(1);
  await expect(page.locator(".notice")).toContainText("no phone reaches");
  await page.getByRole("link", { name: "All chargers" }).click();
  const count = await page.locator(".label").count();
  expect(count).toBeGreaterThan(10);
  await page.getByLabel("Size").selectOption("small");
  await page.getByRole("button", { name: "Apply" }).click();
  await expect(page.locator(".labels")).toHaveClass(/is-small/);
  await page.emulateMedia({ media: "print" });
  for (const part of [".topbar", ".rail", ".filters", ".notice", ".page-title"]) {
    await expect(page.locator(part).first()).toBeHidden();
  }
  await expect(page.locator(".label").first()).toBeVisible();
  // A label is as wide as its size says: 45 mm at 96 dots an inch.
  const { width } = await page.locator(".label").first().boundingBox();
  expect(Math.round(width)).toBeGreaterThanOrEqual(170);
  expect(Math.round(width)).toBeLessThanOrEqual(172);
});
