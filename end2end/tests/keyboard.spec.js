// With nothing but keys: a journey through each page. Wherever the focus goes it is seen (see keys.js).

import { Charger, ID } from "./charger.js";
import { byKeys } from "./keys.js";
import { ACCOUNT, alive, expect, expectNoReload, mark, open, signIn, test as base, testChargers } from "./site.js";

const test = base.extend({ keys: async ({ page }, use) => use(byKeys(page)) });
const testOrders = testChargers.extend({ keys: async ({ page }, use) => use(byKeys(page)) });

const heading = (page, name) => expect(page.locator("h1")).toHaveText(name);

test("the first Tab offers the way past the frame", async ({ page, keys }) => {
  await open(page, "/overview/");
  await keys.choose("Skip to content");
  await expect(page.locator("#content")).toBeFocused();
  await keys.press("Tab");
  // The first thing of the page, and none of the frame.
  expect(await page.evaluate(() => document.activeElement.closest("main") !== null)).toBe(true);
});

test("every page is reached by its link, and the order is that of the page", async ({ page, keys }) => {
  await open(page, "/overview/");
  await mark(page);
  for (const name of ["Devices", "Details", "Records", "Settings", "Overview"]) {
    await keys.choose(name);
    await heading(page, name);
  }
  await expectNoReload(page);
});

test("the overview's chart is chosen and read out", async ({ page, keys }) => {
  await open(page, "/overview/");
  await keys.to("Total");
  await keys.press("ArrowRight");
  await expect(page).toHaveURL(/show=chargers/);
  await keys.to("Month");
  await keys.press("ArrowLeft");
  await expect(page).toHaveURL(/by=year/);
  await keys.enter("How many", "2");
  await keys.press("Enter");
  await expect(page).toHaveURL(/count=2/);
  await expect(page.locator("#energy tbody tr")).toHaveCount(2);
  await keys.to(/^Energy/);
  await keys.press("End");
  const readout = page.locator("#energy .readout");
  const newest = await readout.textContent();
  expect(newest).toMatch(/kWh/);
  await keys.press("ArrowLeft");
  await expect(readout).not.toHaveText(newest);
  await keys.press("Escape");
  await expect(readout).toHaveText("");
  await keys.choose("Table and downloads");
  await expect(page.locator("#energy .chart-data")).toHaveAttribute("open", "");
  const id = await page.locator("#chargers tbody th a").first().textContent();
  await keys.choose(id);
  await heading(page, "Details");
  await expect(page.locator("#charger-picker")).toHaveValue(id);
});

test("devices are searched, sorted and chosen", async ({ page, keys }) => {
  await open(page, "/devices/");
  await keys.enter("Search", "2150");
  await expect(page).toHaveURL(/search=2150/);
  await keys.to("Sort");
  await keys.press("ArrowDown");
  await expect(page).toHaveURL(/sort=id/);
  await keys.to("Select all");
  await keys.press("Space");
  const rows = await page.locator(".device-table tbody tr").count();
  await expect(page.getByText(`${rows} selected`)).toBeVisible();
  await keys.choose("More");
  await expect(page.locator(".bulk-more")).toHaveAttribute("open", "");
  await keys.to("Unlock connector");
  await keys.press("Escape");
  await expect(page.locator(".bulk-more")).not.toHaveAttribute("open");
  await keys.expectAt(/^More$/);
});

testOrders("an order is given to a charger, and asked about before", async ({ openSite, page, keys }) => {
  const charger = await new Charger(openSite).plugIn();
  await charger.boot();
  await charger.status("Available");
  await page.goto(`${openSite}/details/?charger_id=${encodeURIComponent(ID)}`);
  await alive(page);
  const asked = [];
  page.on("dialog", (dialog) => {
    asked.push(dialog.message());
    if (asked.length === 1) dialog.dismiss();
    else dialog.accept();
  });
  await keys.choose("Reset");
  expect(asked).toHaveLength(1);
  // Having said no one is where one was.
  await keys.expectAt(/^Reset$/);
  await keys.press("Enter");
  await charger.toBeAsked("Reset");
  expect(asked).toHaveLength(2);
  await expect(page.locator(".command-log tbody tr")).toHaveCount(1);
  await charger.pullOut();
});

test("a session is queried and opened; the dialog keeps the focus, and gives it back", async ({ page, keys }) => {
  await open(page, "/details/");
  await keys.choose("Previous month");
  await expect(page).toHaveURL(/date=/);
  await keys.to(/^\d+$/);
  const marked = page.locator(".calendar .is-marked");
  while (!(await page.evaluate(() => document.activeElement.classList.contains("is-marked")))) await keys.to(/^\d+$/);
  await keys.press("Enter");
  await expect(page.locator("#query select[name=record]")).toBeEnabled();
  await expect(marked.first()).toBeVisible();
  await keys.to(/Record ID/);
  await keys.press("ArrowDown");
  await expect(page.locator(".charge-code")).toHaveText(/^\d+$/);
  await keys.choose("Start");
  const dialog = page.getByRole("dialog");
  await expect(dialog).toBeVisible();
  for (let step = 0; step < 5; step += 1) {
    await keys.press("Tab");
    // The browser's own bar may be among the stops; the page behind is not.
    const isInside = () => document.activeElement === document.body || document.activeElement.closest("dialog") !== null;
    expect(await page.evaluate(isInside)).toBe(true);
  }
  await keys.press("Escape");
  await expect(dialog).toHaveCount(0);
  await keys.expectAt(/^Start$/);
});

test("records are filtered and leafed through", async ({ page, keys }) => {
  await open(page, "/records/");
  await keys.to("State");
  await keys.press("ArrowDown");
  await expect(page).toHaveURL(/state=finished/);
  await keys.choose("Older");
  await expect(page).toHaveURL(/before=/);
  await keys.choose("Overview");
  await heading(page, "Overview");
});

test("a setting is typed wrongly, mended and saved", async ({ page, keys }) => {
  await open(page, "/settings/");
  await keys.enter(/^Maximum current, phase C/, "-1");
  const error = page.getByRole("alert");
  await expect(error).toContainText("Maximum current, phase C: At least 0.");
  // The summary leads to the field.
  await keys.backTo(/^Maximum current, phase C: At least/);
  await keys.press("Enter");
  await keys.expectAt(/^Maximum current, phase C/);
  await keys.press("ControlOrMeta+a");
  await page.keyboard.type("44");
  await expect(error).toHaveCount(0);
  await keys.choose("Save");
  await expect(page.locator(".said")).toContainText("Maximum current, phase C: 44");
});

test("a card is entered, blocked and removed", async ({ page, keys }) => {
  await open(page, "/cards/");
  await keys.enter("Card", "KEYS0001");
  await keys.enter("Note", "by keys");
  await keys.choose("Save");
  const row = page.locator("#card-list tr", { hasText: "KEYS0001" });
  await expect(row).toContainText("by keys");
  await page.reload();
  await alive(page);
  // Other journeys have cards of their own here.
  await keys.choose("Block", row);
  await expect(row).toContainText("Blocked");
  page.once("dialog", (dialog) => dialog.accept());
  await keys.choose("Remove", row);
  await expect(row).toHaveCount(0);
});

test("language and theme are switched where one is", async ({ page, keys }) => {
  await open(page, "/devices/");
  await mark(page);
  await keys.choose("切换到中文");
  await heading(page, "电桩");
  await keys.expectAt(/^EN: switch to English$/);
  await keys.press("Enter");
  await heading(page, "Devices");
  await keys.choose(/^Theme: system/);
  await expect(page.locator("html")).toHaveAttribute("data-theme", "light");
  await keys.expectAt(/^Theme: light/);
  await expectNoReload(page);
});

test("one signs in, opens the menu, closes it, and signs out", async ({ browser, site }) => {
  const context = await browser.newContext({ baseURL: site, locale: "en-GB" });
  const page = await context.newPage();
  const keys = byKeys(page);
  await open(page, "/records/");
  await keys.choose("Sign in");
  await heading(page, "Sign in");
  await keys.enter("Name", ACCOUNT.username);
  await keys.enter("Password", ACCOUNT.password);
  await keys.press("Enter");
  await expect(page).toHaveURL(/\/records\/$/);
  await alive(page);
  const menu = page.locator(".account-menu");
  await keys.choose(/admin/);
  await expect(menu).toHaveAttribute("open", "");
  await keys.to("My account");
  await keys.press("Escape");
  await expect(menu).not.toHaveAttribute("open");
  await keys.expectAt(/admin/);
  await keys.press("Enter");
  await keys.choose("Sign out");
  await expect(page.getByRole("banner").getByRole("link", { name: "Sign in" })).toBeVisible();
  await context.close();
});

test("a token is made and revoked", async ({ page, keys }) => {
  await page.goto("/account/#tokens");
  await keys.enter("What for", "keys");
  await keys.enter("Current password", ACCOUNT.password);
  await keys.choose("Make a token");
  await expect(page.locator("code.token")).toHaveText(/^[0-9a-f]{64}$/);
  await keys.choose("Revoke");
  await expect(page.locator(".notice")).toContainText("Saved");
});

test("a user is added, and stands in the audit log", async ({ page, keys }) => {
  await page.goto("/users/");
  await keys.enter("Name", "by-keys");
  await keys.enter("Password", "mQ8-tuz4-pLx-2");
  await keys.choose("Add a user");
  await expect(page.getByRole("rowheader", { name: "by-keys", exact: true })).toBeVisible();
  await page.goto("/audit/");
  await expect(page.locator(".audit-log tbody tr").first()).toContainText("by-keys");
  await keys.to(/^(Kind|What)/);
  await keys.choose("Filter");
  await expect(page.locator(".audit-log tbody tr").first()).toBeVisible();
});

test("a charger's password is made and removed", async ({ page, keys }) => {
  await page.goto("/charger_password/?charger_id=10245005");
  await keys.choose("Make a random one");
  await expect(page.locator("code.token")).toHaveText(/^[0-9a-f]{40}$/);
  await keys.choose("Remove it");
  await expect(page.locator("#state")).toContainText("It has none");
});

test("a car is plugged in at a simulated charger", async ({ page, simulated, keys }) => {
  await signIn(page.context(), simulated);
  await page.goto(`${simulated}/simulator/`);
  await keys.choose("Plug in");
  await expect(page.locator(".simulated-charger [role=status]")).toContainText("Plug in");
});

test("an address without a page leads back", async ({ page, keys, quiet }) => {
  await page.goto("/nowhere/");
  await alive(page);
  await keys.choose("Back to the overview");
  await heading(page, "Overview");
  // The browser itself reports the 404 of the document.
  quiet.splice(0, quiet.length, ...quiet.filter((line) => !line.includes("404")));
});
