import { alive, expect, expectNoReload, mark, open, test } from "./site.js";

test("the energy chart follows its choices by the address", async ({ page }) => {
  await open(page, "/overview/");
  await mark(page);
  // A person presses the words; the radio button itself is hidden behind them.
  await page.locator("#energy label", { hasText: "By charger" }).click();
  await expect(page).toHaveURL(/show=chargers/);
  await expect(page.locator("#energy .legend li").first()).toBeVisible();
  await page.locator("#energy label", { hasText: /^Year$/ }).click();
  await expect(page).toHaveURL(/by=year/);
  await page.getByLabel("How many").fill("3");
  await page.getByLabel("How many").press("Enter");
  await expect(page).toHaveURL(/count=3/);
  await page.locator("#energy select[name=charger]").selectOption({ index: 2 });
  await expect(page).toHaveURL(/charger=/);
  await page.goBack();
  await expect(page.locator("#energy select[name=charger]")).toHaveValue("");
  await expectNoReload(page);
});

test("more recent sessions are shown when asked for", async ({ page }) => {
  await open(page, "/overview/");
  await expect(page.locator("#sessions tbody tr")).toHaveCount(7);
  await page.locator("#sessions select[name=rows]").selectOption("20");
  await expect(page.locator("#sessions tbody tr")).toHaveCount(20);
});

test("a charger is one tap from the overview", async ({ page }) => {
  await open(page, "/overview/");
  await mark(page);
  const link = page.locator("#chargers tbody th a").first();
  const id = await link.textContent();
  await link.click();
  await expect(page.locator("h1")).toHaveText("Details");
  await expect(page.locator("#charger-picker")).toHaveValue(id);
  await expect(page.locator("#properties")).toContainText(id);
  await expectNoReload(page);
});

test("operation commands say why they cannot be given", async ({ page }) => {
  await open(page, "/details/");
  for (const name of ["Start", "Stop", "Reset", "Update", "More"]) {
    const button = page.locator(".page-head").getByRole("button", { name, exact: true });
    await expect(button).toBeDisabled();
  }
  await expect(page.locator(".page-head")).toContainText("No contact for");
});

test("an unknown charger is named, and another can be picked", async ({ page }) => {
  await open(page, "/details/?charger_id=nobody");
  await expect(page.getByText("There is no such charger")).toBeVisible();
  const id = await page.locator("#charger-identities option").first().getAttribute("value");
  await page.locator("#charger-picker").fill(id);
  await page.locator("#charger-picker").press("Enter");
  await expect(page.locator("#properties")).toContainText(id);
});

test("the session query goes step by step: date, Record ID, Charge Code, Start", async ({ page }) => {
  await open(page, "/details/");
  await mark(page);
  // A marked day has sessions.
  const month = page.locator(".calendar-head strong");
  const shown = await month.textContent();
  await page.getByRole("link", { name: "Previous month" }).click();
  await expect(month).not.toHaveText(shown);
  const day = page.locator(".calendar .is-marked").first();
  const date = await day.getAttribute("title");
  await day.click();
  await expect(page.locator("#query input[type=date]")).toHaveValue(date);
  const records = page.locator("#query select[name=record]");
  await expect(records).toBeEnabled();
  const start = page.locator("#query").getByText("Start", { exact: true });
  const record = await records.locator("option").nth(1).getAttribute("value");
  await records.selectOption(record);
  await expect(page.locator(".charge-code")).toHaveText(/^\d+$/);
  const code = await page.locator(".charge-code").textContent();
  await start.click();
  const dialog = page.getByRole("dialog");
  await expect(dialog).toBeVisible();
  await expect(dialog).toContainText(record);
  await expect(dialog.getByRole("row", { name: /Charge Code/ })).toContainText(code);
  // It is modal: the focus is inside, and Escape closes it.
  expect(await page.evaluate(() => document.querySelector("dialog").contains(document.activeElement))).toBe(true);
  await page.keyboard.press("Escape");
  await expect(dialog).toBeHidden();
  await expect(page).not.toHaveURL(/start=/);
  await expect(records).toHaveValue(record);
  await expectNoReload(page);
});

test("the device list is searched while typing, filtered, sorted, and rows are selected", async ({ page }) => {
  await open(page, "/devices/");
  await mark(page);
  const rows = page.locator(".device-table tbody tr");
  const all = await rows.count();
  const id = await rows.nth(3).locator("th a").textContent();
  await page.getByRole("searchbox").pressSequentially(id, { delay: 20 });
  await expect(rows).toHaveCount(1);
  await expect(page.getByRole("searchbox")).toHaveValue(id);
  await page.getByRole("searchbox").fill("no such charger");
  await page.getByRole("link", { name: "Clear the filters" }).click();
  await expect(rows).toHaveCount(all);
  await page.locator("select[name=sort]").selectOption("id");
  await expect(page).toHaveURL(/sort=id/);
  const ids = () => rows.locator("th a").allTextContents();
  await expect.poll(async () => (await ids()).join() === (await ids()).sort().join()).toBe(true);
  await page.getByLabel("Select all").check();
  await expect(page.getByText(`${all} selected`)).toBeVisible();
  await rows.first().getByRole("checkbox").uncheck();
  await expect(page.getByText(`${all - 1} selected`)).toBeVisible();
  await expectNoReload(page);
});

test("the device list has the four documented columns in both languages", async ({ page }) => {
  await open(page, "/devices/");
  for (const name of ["Charger ID（电桩ID）", "Firmware Ver（固件版本）", "Model ID（固件ID）", "State（状态）"]) {
    await expect(page.getByRole("columnheader", { name })).toBeVisible();
  }
});

test("records are filtered, summed up, paged and downloaded", async ({ page }) => {
  await open(page, "/records/");
  await mark(page);
  const rows = page.locator("#records tbody tr");
  await expect(rows).toHaveCount(50);
  const first = await rows.first().locator("th").textContent();
  await page.getByRole("link", { name: "Older" }).click();
  await expect(page).toHaveURL(/before=/);
  await expect(rows.first().locator("th")).not.toHaveText(first);
  await page.getByRole("link", { name: "Newest" }).click();
  await expect(rows.first().locator("th")).toHaveText(first);
  const charger = await page.locator("select[name=charger] option").nth(3).getAttribute("value");
  await page.locator("#records select[name=charger]").selectOption(charger);
  await expect(page).toHaveURL(new RegExp(`charger=${charger}`));
  await expect(rows.first().locator("td").first()).toHaveText(charger);
  const count = Number((await page.locator("tfoot td").first().textContent()).replace(/\D/g, ""));
  await expectNoReload(page);
  const [download] = await Promise.all([
    page.waitForEvent("download"),
    page.getByRole("link", { name: "Download CSV" }).click(),
  ]);
  expect(download.suggestedFilename()).toMatch(/^records-.*\.csv$/);
  const chunks = [];
  for await (const chunk of await download.createReadStream()) chunks.push(chunk);
  const lines = Buffer.concat(chunks).toString("utf8").trim().split("\r\n");
  expect(lines[0]).toContain("record_id,charge_code,charger_id");
  expect(lines.length - 1).toBe(count);
});

test("settings are checked while typing and saved", async ({ page }) => {
  await open(page, "/settings/");
  await mark(page);
  const limit = page.getByLabel("Maximum current, phase B");
  await limit.fill("-1");
  await expect(page.getByRole("alert")).toContainText("Maximum current, phase B: At least 0.");
  await expect(limit).toHaveAttribute("aria-invalid", "true");
  await limit.fill("40");
  await expect(page.getByRole("alert")).toHaveCount(0);
  await expect(page.getByText("1 unsaved change")).toBeVisible();
  await page.getByRole("button", { name: "Save" }).click();
  await expect(page.locator(".said")).toContainText("Maximum current, phase B: 40");
  await expect(page.getByText("unsaved change")).toHaveCount(0);
  await expectNoReload(page);
  await page.reload();
  await expect(limit).toHaveValue("40");
});

test("a month outside 1–12 is warned about and saved all the same", async ({ page }) => {
  await open(page, "/settings/");
  const month = page.getByLabel("Month of installation");
  await month.fill("99");
  await expect(page.getByText("Not between 1 and 12; it is saved all the same.")).toBeVisible();
  await page.getByRole("button", { name: "Save" }).click();
  await expect(page.locator(".said")).toContainText("99");
});

test("unsaved changes guard leaving", async ({ page }) => {
  await open(page, "/settings/");
  await page.getByLabel("Currency").fill("156");
  let asked = false;
  page.on("dialog", (dialog) => {
    asked = true;
    dialog.accept();
  });
  await page.reload();
  expect(asked).toBe(true);
  await expect(page.getByLabel("Currency")).toHaveValue("86");
});

test("unsaved changes are asked about within the site too", async ({ page }) => {
  await open(page, "/settings/");
  await mark(page);
  await page.getByLabel("Currency").fill("156");
  const asked = [];
  page.on("dialog", (dialog) => {
    asked.push(dialog.message());
    if (asked.length === 1) dialog.dismiss();
    else dialog.accept();
  });
  const away = page.getByRole("navigation", { name: "Main" }).getByRole("link", { name: "Records" });
  await away.click();
  await expect(page).toHaveURL(/\/settings\/$/);
  await expect(page.getByLabel("Currency")).toHaveValue("156");
  await away.click();
  await expect(page.locator("h1")).toHaveText("Records");
  expect(asked).toEqual(Array(2).fill("There are unsaved changes. Leave this page?"));
  await expectNoReload(page);
});

test("errors come and go while typing, and the focus stays", async ({ page }) => {
  await open(page, "/settings/");
  const limit = page.getByLabel("Maximum current, phase A");
  await limit.press("ControlOrMeta+a");
  await limit.pressSequentially("-1");
  await expect(page.getByRole("alert")).toHaveCount(1);
  await expect(limit).toBeFocused();
  await limit.press("ControlOrMeta+a");
  await limit.pressSequentially("44");
  await expect(page.getByRole("alert")).toHaveCount(0);
  await expect(limit).toBeFocused();
  await expect(limit).toHaveValue("44");
  await page.getByRole("button", { name: "Discard" }).click();
});

test("what was typed before the page was alive counts", async ({ page }) => {
  let letGo;
  const held = new Promise((resolve) => (letGo = resolve));
  await page.route("**/*_bg.wasm", async (route) => {
    await held;
    await route.continue();
  });
  await page.goto("/settings/");
  await page.getByLabel("Currency").fill("344");
  await page.getByLabel("Phase sequence").selectOption("CBA");
  letGo();
  await alive(page);
  await expect(page.getByText("2 unsaved changes")).toBeVisible();
  await page.getByRole("button", { name: "Discard" }).click();
  await expect(page.getByText("unsaved change")).toHaveCount(0);
  await expect(page.getByLabel("Currency")).not.toHaveValue("344");
});

test("an address without its last slash works like the one with it", async ({ page }) => {
  await page.goto("/devices?sort=id");
  await alive(page);
  await expect(page).toHaveURL(/\/devices\/\?sort=id$/);
  await page.locator("select[name=sort]").selectOption("state");
  await expect(page).toHaveURL(/sort=state/);
  await expect(page.locator(".device-table .badge").first()).toBeVisible();
});

test("a session is opened and closed in every way, and the focus comes back", async ({ page }) => {
  await open(page, "/records/?state=finished");
  await page.locator("#records tbody th a").first().click();
  const dialog = page.getByRole("dialog");
  await expect(dialog).toBeVisible();
  await page.keyboard.press("Escape");
  await expect(dialog).toHaveCount(0);
  const start = page.locator("#query").getByRole("link", { name: "Start" });
  await start.click();
  await expect(dialog).toBeVisible();
  await dialog.getByRole("link", { name: "Close" }).click();
  await expect(dialog).toHaveCount(0);
  await expect(start).toBeFocused();
  await start.click();
  await expect(dialog).toBeVisible();
  await page.mouse.click(5, 5);
  await expect(dialog).toHaveCount(0);
});

test("the browser's way back loses nothing", async ({ page }) => {
  await open(page, "/records/");
  await page.getByRole("navigation", { name: "Main" }).getByRole("link", { name: "Settings" }).click();
  await page.getByLabel("Currency").fill("392");
  await page.goBack();
  await expect(page.locator("h1")).toHaveText("Records");
  await page.goForward();
  await expect(page.getByLabel("Currency")).toHaveValue("392");
  await expect(page.getByText("1 unsaved change")).toBeVisible();
  await page.getByRole("button", { name: "Discard" }).click();
});

test("discarding takes back what was typed", async ({ page }) => {
  await open(page, "/settings/");
  const currency = page.getByLabel("Currency");
  const stored = await currency.inputValue();
  await currency.fill("x");
  await expect(page.getByRole("alert")).toContainText("Currency: This must be a whole number.");
  await page.getByRole("button", { name: "Discard" }).click();
  await expect(currency).toHaveValue(stored);
  await expect(page.getByRole("alert")).toHaveCount(0);
});

test("charts are read out by pointer and by keys", async ({ page }) => {
  await open(page, "/overview/");
  const plot = page.locator("#energy .plot");
  const readout = page.locator("#energy .readout");
  await plot.hover({ position: { x: 60, y: 100 } });
  await expect(readout).toHaveText(/^\d{4}-\d{2} · .*kWh/);
  await page.mouse.move(0, 0);
  await expect(readout).toHaveText("");
  await plot.focus();
  await page.keyboard.press("End");
  const newest = await readout.textContent();
  await page.keyboard.press("ArrowLeft");
  await expect(readout).not.toHaveText(newest);
  await page.keyboard.press("ArrowRight");
  await expect(readout).toHaveText(newest);
  await page.keyboard.press("Escape");
  await expect(readout).toHaveText("");
});

test("what follows the feed keeps the focus, and what was opened", async ({ page }) => {
  let tell;
  await page.routeWebSocket(/\/ws\/charger\/details\//, (route) => {
    const server = route.connectToServer();
    // Numbered anew, since there is one message more.
    let seq = 0;
    tell = (message) => route.send(JSON.stringify({ ...message, seq: ++seq }));
    server.onMessage((message) => tell(JSON.parse(message)));
  });
  await open(page, "/overview/");
  const row = page.locator("#chargers tbody tr").first();
  const link = row.locator("th a");
  const id = await link.textContent();
  await page.locator("#energy summary").click();
  await link.focus();
  tell({ type: "state", time: "2015-12-28T12:00:00", vchchargerid: id, vchstate: "Faulted", vchcommand: "Told just now", online: true });
  await expect(row).toContainText("Told just now");
  await expect(row.locator(".badge")).toHaveText("Faulted");
  await expect(link).toBeFocused();
  await expect(page.locator("#energy .chart-data")).toHaveAttribute("open", "");
});

test("the focus stays on what moves, and on what stays", async ({ page }) => {
  await open(page, "/devices/?sort=id");
  const links = page.locator(".device-table tbody th a");
  const before = await links.allTextContents();
  const last = before.at(-1);
  await links.last().focus();
  await page.locator("select[name=sort]").evaluate((select) => {
    select.value = "contact";
    select.dispatchEvent(new Event("change", { bubbles: true }));
  });
  await expect(page).toHaveURL(/sort=contact/);
  await expect(links).not.toHaveText(before);
  await expect(links.filter({ hasText: new RegExp(`^${last}$`) })).toBeFocused();

  await open(page, "/records/");
  const older = page.getByRole("link", { name: "Older" });
  await older.focus();
  await page.keyboard.press("Enter");
  await expect(page.getByRole("link", { name: "Newest" })).toBeVisible();
  await expect(older).toBeFocused();
});

test("a lost connection is shown and mended", async ({ page }) => {
  let socket;
  await page.routeWebSocket(/\/ws\/charger\/details\//, (route) => {
    route.connectToServer();
    socket = route;
  });
  await open(page, "/overview/");
  await socket.close();
  await expect(page.locator(".live-sign")).toHaveAttribute("data-link", "reconnecting");
  await expect(page.locator(".live-sign")).toHaveAttribute("data-link", "connected");
});
