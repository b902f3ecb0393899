// People operate chargers from the pages; the chargers are by a client that is not ours.

import { readFileSync } from "node:fs";
import { Charger, ID, now } from "./charger.js";
import { alive, authorized, expect, testChargers as test } from "./site.js";

test.use({ locale: "en-GB" });

const details = (site) => `${site}/details/?charger_id=${encodeURIComponent(ID)}`;

async function ready(site) {
  const charger = await new Charger(site).plugIn();
  await charger.boot();
  await charger.status("Available");
  return charger;
}

test("a session is started and stopped from the charger's page, and the effect is seen", async ({ openSite, page }) => {
  const charger = await ready(openSite);
  await page.goto(details(openSite));
  await alive(page);
  const head = page.locator(".page-head");
  const log = page.locator(".command-log tbody tr");
  await expect(head.getByRole("button", { name: "Stop", exact: true })).toBeDisabled();
  await head.getByRole("button", { name: "Start", exact: true }).click();
  await charger.toBeAsked("RemoteStartTransaction");
  await expect(page.getByText("The command is on its way")).toBeVisible();
  const { transactionId } = await charger.start(0);
  await expect(log.first()).toContainText("Effect seen");
  await expect(page.locator("#properties")).toContainText("Charging");
  await head.getByRole("button", { name: "Stop", exact: true }).click();
  expect(await charger.toBeAsked("RemoteStopTransaction")).toEqual({ transactionId });
  await charger.stop(transactionId, 1_500);
  await expect(log).toHaveCount(2);
  await expect(log.first()).toContainText("Effect seen");
  await charger.pullOut();
  await expect(head.locator(".out-of-contact")).toBeVisible();
});

test("dangerous commands ask first", async ({ openSite, page }) => {
  const charger = await ready(openSite);
  await page.goto(details(openSite));
  await alive(page);
  const reset = page.locator(".page-head").getByRole("button", { name: "Reset", exact: true });
  page.once("dialog", (dialog) => dialog.dismiss());
  await reset.click();
  page.once("dialog", (dialog) => dialog.accept());
  await reset.click();
  await charger.toBeAsked("Reset");
  await expect(page.locator(".command-log tbody tr")).toHaveCount(1);
  await charger.boot();
  await expect(page.locator(".command-log tbody tr").first()).toContainText("Effect seen");
  await charger.pullOut();
});

/** Opens a group of commands. */
async function group(page, name) {
  const group = page.locator(".group", { has: page.locator("summary", { hasText: name }) });
  if (!(await group.evaluate((it) => it.open))) await group.locator("summary").click();
  return group;
}

test("the configuration is read and changed, key by key", async ({ openSite, page }) => {
  const charger = await ready(openSite);
  charger.replies.GetConfiguration = {
    configurationKey: [
      { key: "HeartbeatInterval", readonly: false, value: "60" },
      { key: "NumberOfConnectors", readonly: true, value: "2" },
    ],
  };
  charger.replies.ChangeConfiguration = { status: "RebootRequired" };
  await page.goto(details(openSite));
  await alive(page);
  const configuration = await group(page, "Configuration");
  await configuration.getByRole("button", { name: "Read configuration" }).click();
  const rows = configuration.locator(".configuration tbody tr");
  await expect(rows).toHaveCount(2);
  await expect(rows.filter({ hasText: "NumberOfConnectors" })).toContainText("read-only");
  const row = rows.filter({ hasText: "HeartbeatInterval" });
  charger.asked = [];
  await row.getByRole("textbox").fill("30");
  await row.getByRole("button", { name: "Save" }).click();
  expect(await charger.toBeAsked("ChangeConfiguration")).toEqual({ key: "HeartbeatInterval", value: "30" });
  await expect(row).toContainText("after a reset");
  await expect(row.getByRole("textbox")).toHaveValue("30");
  await charger.pullOut();
});

test("what is wrong is said at the field, and what was typed stays", async ({ openSite, page }) => {
  const charger = await ready(openSite);
  await page.goto(details(openSite));
  await alive(page);
  const limits = await group(page, "Limits");
  const limit = limits.getByRole("textbox", { name: /^Limit\b/ });
  await limit.fill("much");
  await limits.getByRole("button", { name: "Set a limit" }).click();
  await expect(limits.getByRole("alert")).toContainText("must be a number");
  await expect(limit).toHaveValue("much");
  await limit.fill("10");
  await limits.getByRole("button", { name: "Set a limit" }).click();
  await charger.toBeAsked("SetChargingProfile");
  await expect(limits.getByRole("alert")).toHaveCount(0);
  await charger.pullOut();
});

test("a limit is set, and the schedule that comes of it is shown", async ({ openSite, page }) => {
  const charger = await ready(openSite);
  charger.replies.GetCompositeSchedule = {
    status: "Accepted",
    connectorId: 1,
    scheduleStart: new Date().toISOString(),
    chargingSchedule: {
      duration: 86400,
      chargingRateUnit: "A",
      chargingSchedulePeriod: [{ startPeriod: 0, limit: 10.5, numberPhases: 1 }, { startPeriod: 3600, limit: 32 }],
    },
  };
  await page.goto(details(openSite));
  await alive(page);
  const limits = await group(page, "Limits");
  const set = limits.locator(".deed", { has: page.getByRole("heading", { name: "Set a limit" }) });
  await set.getByLabel("Connector").selectOption("1");
  await set.getByLabel("Limit", { exact: true }).fill("10.5");
  await set.getByLabel("Phases").selectOption("1");
  await set.getByLabel("Minutes").fill("60");
  await set.getByRole("button", { name: "Set a limit" }).click();
  const { connectorId, csChargingProfiles } = await charger.toBeAsked("SetChargingProfile");
  expect(connectorId).toBe(1);
  expect(csChargingProfiles).toMatchObject({
    chargingProfilePurpose: "TxDefaultProfile",
    chargingSchedule: {
      duration: 3600,
      chargingRateUnit: "A",
      chargingSchedulePeriod: [{ startPeriod: 0, limit: 10.5, numberPhases: 1 }],
    },
  });
  const read = limits.locator(".deed", { has: page.getByRole("heading", { name: "Composite schedule" }) });
  await read.getByRole("button", { name: "Read the schedule" }).click();
  const rows = read.locator(".schedule tbody tr");
  await expect(rows).toHaveCount(2);
  await expect(rows.first()).toContainText("10.5");
  await expect(rows.last()).toContainText("32");
  const clear = limits.locator(".deed", { has: page.getByRole("heading", { name: "Clear limits" }) });
  await clear.getByRole("button", { name: "Clear limits" }).click();
  expect(await charger.toBeAsked("ClearChargingProfile")).toEqual({});
  await charger.pullOut();
});

test("a connector is reserved, and the reservation cancelled", async ({ openSite, page }) => {
  const charger = await ready(openSite);
  await page.goto(details(openSite));
  await alive(page);
  const access = await group(page, "Reservations and lists");
  const reservation = access.locator(".deed", { has: page.getByRole("heading", { name: "Reservation" }) });
  await reservation.getByLabel("Card").fill("Anna1");
  // The site's clock may be in any zone.
  await reservation.getByLabel("Until").fill(now(48 * 3_600_000).slice(0, 16));
  await reservation.getByRole("button", { name: "Reserve", exact: true }).click();
  const { connectorId, idTag, reservationId } = await charger.toBeAsked("ReserveNow");
  expect([connectorId, idTag]).toEqual([1, "Anna1"]);
  await charger.status("Reserved");
  const line = reservation.locator(".line", { hasText: "Anna1" });
  await line.getByRole("button", { name: "Cancel reservation" }).click();
  expect(await charger.toBeAsked("CancelReservation")).toEqual({ reservationId });
  await expect(line).toHaveCount(0);
  await charger.pullOut();
});

test("the site's cards are sent as the local list", async ({ openSite, page }) => {
  const charger = await ready(openSite);
  charger.replies.GetLocalListVersion = { listVersion: 77 };
  await page.goto(`${openSite}/cards/`);
  await alive(page);
  await page.getByLabel("Card", { exact: true }).fill("Anna1");
  await page.getByRole("button", { name: "Save" }).click();
  await expect(page.locator(".cards tbody tr")).toHaveCount(1);
  await page.goto(details(openSite));
  await alive(page);
  const access = await group(page, "Reservations and lists");
  await access.getByRole("button", { name: "Send the one card" }).click();
  const { updateType, localAuthorizationList, listVersion } = await charger.toBeAsked("SendLocalList");
  expect([updateType, localAuthorizationList.map(({ idTag }) => idTag)]).toEqual(["Full", ["Anna1"]]);
  await expect(access).toContainText(`Sent: version ${listVersion}`);
  await access.getByRole("button", { name: "Ask for its version" }).click();
  await expect(access).toContainText("On the charger: version 77");
  await charger.pullOut();
});

test("what happened is listed, and how long there has been no contact", async ({ openSite, page }) => {
  const charger = await ready(openSite);
  const { transactionId } = await charger.start(0);
  await charger.call("StatusNotification", {
    connectorId: 1,
    errorCode: "GroundFailure",
    vendorErrorCode: "V12",
    status: "Faulted",
    timestamp: now(),
  });
  await page.goto(details(openSite));
  await alive(page);
  const events = page.locator(".events li");
  await expect(events.filter({ hasText: "Ground fault, V12" })).toContainText("Faulted");
  await expect(events.filter({ hasText: `Session ${transactionId} began` })).toHaveCount(1);
  await expect(events.filter({ hasText: "Started" })).toHaveCount(1);
  await charger.pullOut();
  await expect(page.locator(".page-head .out-of-contact")).toContainText("No contact");
  await expect(events.first()).toContainText("Contact lost");
  await page.goto(`${openSite}/devices/`);
  await expect(page.locator(".device-table .out-of-contact")).toContainText("No contact");
});

test("a charger that asks to join appears at once, on every page that looks, and is admitted", async ({
  strictSite,
  page,
}) => {
  await page.goto(`${strictSite}/devices/`);
  await alive(page);
  const other = await page.context().newPage();
  await other.goto(`${strictSite}/devices/`);
  await alive(other);
  await page.bringToFront();
  const row = page.locator(".joining tbody tr", { hasText: ID });
  await expect(row).toHaveCount(0);
  await expect(new Charger(strictSite).plugIn()).rejects.toThrow("Not Found");
  await expect(row).toBeVisible();
  await other.bringToFront();
  await expect(other.locator(".joining tbody tr", { hasText: ID })).toBeVisible();
  await page.bringToFront();
  await row.getByRole("button", { name: "Admit" }).click();
  await expect(page.locator(".device-table tbody tr", { hasText: ID })).toBeVisible();
  await expect(row).toHaveCount(0);
  await other.bringToFront();
  await expect(other.locator(".joining")).toHaveCount(0);
  const charger = await ready(strictSite);
  await charger.pullOut();
});

test("on phones and tablets the commands of a row are alike, buttons and links", async ({ openSite, page }) => {
  const charger = await ready(openSite);
  await page.goto(`${openSite}/devices/`);
  await alive(page);
  const row = page.locator(".device-table tbody tr", { hasText: ID }).locator(".commands-cell .button");
  const boxes = () =>
    row.evaluateAll((buttons) =>
      buttons.map((button) => {
        const [icon, word] = [...button.children].map((child) => child.getBoundingClientRect());
        const { top, height } = button.getBoundingClientRect();
        return { top, height, isAbove: icon.bottom <= word.top };
      }),
    );
  for (const width of [360, 768]) {
    await page.setViewportSize({ width, height: 900 });
    await expect(row.and(page.locator("a"))).toHaveCount(2);
    const [first, ...others] = await boxes();
    expect(first.isAbove).toBe(true);
    expect(others).toEqual(others.map(() => first));
  }
  await charger.pullOut();
});

test("several chargers are started at once from the devices page", async ({ openSite, page }) => {
  const chargers = [];
  for (const id of ["CP1", "CP2", "CP3"]) {
    const charger = await new Charger(openSite, id).plugIn();
    await charger.boot();
    await charger.status("Available");
    chargers.push(charger);
  }
  await page.goto(`${openSite}/devices/`);
  await alive(page);
  const boxes = page.locator(".device-table tbody").getByRole("checkbox");
  await boxes.nth(0).check();
  await boxes.nth(2).check();
  await expect(page.getByText("2 selected")).toBeVisible();
  await page.locator(".bulk").getByRole("button", { name: "Start" }).click();
  await Promise.all([chargers[0], chargers[2]].map((charger) => charger.toBeAsked("RemoteStartTransaction")));
  await Promise.all([chargers[0], chargers[2]].map((charger) => charger.start(0)));
  await expect(page.locator(".command-life", { hasText: "Effect seen" })).toHaveCount(2);
  expect(chargers[1].asked.some(({ method }) => method === "RemoteStartTransaction")).toBe(false);
  await page.locator(".bulk-more > summary").click();
  await page.locator(".bulk-more").getByRole("button", { name: "Ask for status" }).click();
  await Promise.all([chargers[0], chargers[2]].map((charger) => charger.toBeAsked("TriggerMessage")));
  await page.locator(".bulk-more").getByLabel("Firmware address").fill("http://10.0.0.1/fw.bin");
  page.once("dialog", (dialog) => dialog.accept());
  await page.locator(".bulk-more").getByRole("button", { name: "Update firmware" }).click();
  for (const charger of [chargers[0], chargers[2]]) {
    expect(await charger.toBeAsked("UpdateFirmware")).toMatchObject({ location: "http://10.0.0.1/fw.bin" });
  }
  await Promise.all(chargers.map((charger) => charger.pullOut()));
});

test("several chargers are asked and set at once, with fields and without", async ({ openSite, page }) => {
  const chargers = [];
  for (const id of ["CP1", "CP2", "CP3"]) {
    const charger = await new Charger(openSite, id).plugIn();
    await charger.boot();
    await charger.status("Available");
    charger.replies = { GetDiagnostics: { fileName: "log.bin" }, GetLocalListVersion: { listVersion: 7 } };
    chargers.push(charger);
  }
  const [first, left, third] = chargers;
  await page.goto(`${openSite}/devices/`);
  await alive(page);
  const boxes = page.locator(".device-table tbody").getByRole("checkbox");
  await boxes.nth(0).check();
  await boxes.nth(2).check();
  const more = page.locator(".bulk-more");
  await more.locator("> summary").click();
  const asked = (method) => Promise.all([first, third].map((charger) => charger.toBeAsked(method)));
  for (const [name, method, payload] of [
    ["Get diagnostics", "GetDiagnostics", { location: expect.stringContaining("/ocpp/upload/") }],
    ["Clear limits", "ClearChargingProfile", {}],
    ["Read the schedule", "GetCompositeSchedule", { connectorId: 0, duration: 86_400 }],
    ["Ask for list version", "GetLocalListVersion", {}],
  ]) {
    await more.getByRole("button", { name, exact: true }).click();
    expect(await asked(method)).toEqual([payload, payload]);
  }
  const limits = more.locator(".group", { has: page.locator("summary", { hasText: "Limits" }) });
  await limits.locator("summary").click();
  const limit = limits.getByRole("textbox", { name: /^Limit\b/ });
  await limit.fill("much");
  // By the Enter key nothing is given, least of all the first command of the form.
  await limit.press("Enter");
  await limits.getByRole("button", { name: "Set a limit" }).click();
  await expect(limits.getByRole("alert")).toContainText("must be a number");
  await expect(page.getByText("2 selected")).toBeVisible();
  await limits.getByRole("combobox", { name: /^Applies to\b/ }).selectOption({ label: "Whole charger" });
  await limit.fill("12.5");
  await limits.getByRole("button", { name: "Set a limit" }).click();
  for (const { connectorId, csChargingProfiles } of await asked("SetChargingProfile")) {
    expect(connectorId).toBe(0);
    expect(csChargingProfiles.chargingProfilePurpose).toBe("ChargePointMaxProfile");
    expect(csChargingProfiles.chargingSchedule.chargingSchedulePeriod[0].limit).toBe(12.5);
  }
  const reservation = more.locator(".group", { has: page.locator("summary", { hasText: "Reservation" }) });
  await reservation.locator("summary").click();
  await reservation.getByLabel("Card").fill("Anna1");
  await reservation.getByLabel("Until").fill(now(48 * 3_600_000).slice(0, 16));
  await reservation.getByRole("button", { name: "Reserve", exact: true }).click();
  for (const payload of await asked("ReserveNow")) expect(payload).toMatchObject({ connectorId: 1, idTag: "Anna1" });
  const configuration = more.locator(".group", { has: page.locator("summary", { hasText: "Configuration" }) });
  await configuration.locator("summary").click();
  await configuration.getByLabel("Configuration key").fill("HeartbeatInterval");
  await configuration.getByLabel("Value").fill("30");
  await configuration.getByRole("button", { name: "Change configuration" }).click();
  for (const charger of [first, third]) {
    // The site itself has changed others.
    const keys = () => charger.asked.filter(({ method }) => method === "ChangeConfiguration").map(({ params }) => params);
    await expect.poll(keys).toContainEqual({ key: "HeartbeatInterval", value: "30" });
  }
  const message = more.locator(".group", { has: page.locator("summary", { hasText: "Vendor's message" }) });
  await message.locator("summary").click();
  await message.getByLabel("Vendor ID").fill("Vendor");
  await message.getByRole("button", { name: "Send", exact: true }).click();
  expect(await asked("DataTransfer")).toEqual([{ vendorId: "Vendor" }, { vendorId: "Vendor" }]);
  const started = chargers.flatMap((charger) => charger.asked).filter(({ method }) => method === "RemoteStartTransaction");
  expect(started).toEqual([]);
  const own = ["ChangeConfiguration", "TriggerMessage"];
  expect(left.asked.filter(({ method }) => !own.includes(method))).toEqual([]);
  await Promise.all(chargers.map((charger) => charger.pullOut()));
});

test("what cannot be quite right is shown to the operator", async ({ openSite, page }) => {
  const charger = await ready(openSite);
  await charger.stop(-1, 10);
  await page.goto(`${openSite}/devices/`);
  await expect(page.locator(".findings tbody tr").first()).toContainText("Stop of an unknown session");
  await charger.pullOut();
});

test("what opens in a card reaches over the next one", async ({ openSite, page }) => {
  // All of it is in sight.
  await page.setViewportSize({ width: 1440, height: 1800 });
  const charger = await ready(openSite);
  await charger.stop(-1, 10);
  await page.goto(`${openSite}/devices/`);
  await alive(page);
  const next = page.locator(".card", { has: page.locator(".findings") });
  await page.locator(".bulk-more > summary").click();
  const body = page.locator(".bulk-body");
  const [opened, below] = [await body.boundingBox(), await next.boundingBox()];
  const x = opened.x + opened.width / 2;
  const y = below.y + 20;
  expect(opened.y + opened.height, "it is longer than the list").toBeGreaterThan(y);
  const isOver = () => body.evaluate((body, [x, y]) => body.contains(document.elementFromPoint(x, y)), [x, y]);
  expect(await isOver(), "not under the next card").toBe(true);
  // Nothing in the list has the focus, and the pointer is on the next card.
  await page.locator("h1").click();
  await page.mouse.move(below.x + 20, y);
  expect(await isOver(), "wherever the pointer goes").toBe(true);
  await charger.pullOut();
});

test("what was wrong stays in sight as a card appears above it", async ({ strictSite, page }) => {
  const knock = (id) => expect(new Charger(strictSite, id).plugIn()).rejects.toThrow("Not Found");
  await knock("CP1");
  await page.goto(`${strictSite}/devices/`);
  await alive(page);
  await page.getByRole("button", { name: "Admit" }).click();
  await expect(page.locator(".joining")).toHaveCount(0);
  await page.locator(".device-table tbody").getByRole("checkbox").check();
  const more = page.locator(".bulk-more");
  await more.locator("> summary").click();
  const limits = more.locator(".group", { has: page.locator("summary", { hasText: "Limits" }) });
  await limits.locator("summary").click();
  await limits.getByRole("textbox", { name: /^Limit\b/ }).fill("much");
  await limits.getByRole("button", { name: "Set a limit" }).click();
  await expect(limits.getByRole("alert")).toContainText("must be a number");
  await page.reload();
  await alive(page);
  await expect(limits.getByRole("alert")).toBeVisible();
  // Drawn twice before: there is something that stays as it is.
  const charger = await new Charger(strictSite, "CP1").plugIn();
  const row = page.locator(".device-table tbody tr");
  for (const status of ["Preparing", "Available"]) {
    await charger.boot();
    await charger.status(status);
    await expect(row).toContainText(status);
  }
  await knock("CP2");
  await expect(page.locator(".joining tbody tr")).toContainText("CP2");
  await expect(limits.getByRole("alert")).toBeVisible();
  await charger.pullOut();
});

test("cards are entered, blocked, brought in and taken out, and rule who may charge", async ({ openSite, page }) => {
  const charger = await ready(openSite);
  const permission = async (idTag) => (await charger.call("Authorize", { idTag })).idTagInfo;
  await page.goto(`${openSite}/settings/`);
  await alive(page);
  await page.getByRole("link", { name: "Cards" }).click();
  await page.getByLabel("Card", { exact: true }).fill("Anna1");
  await page.getByLabel("Group").fill("fleet");
  await page.getByRole("button", { name: "Save" }).click();
  const row = page.locator(".cards tbody tr", { hasText: "Anna1" });
  await expect(row).toContainText("Valid");
  expect(await permission("ANNA1")).toMatchObject({ status: "Accepted", parentIdTag: "fleet" });
  await row.getByRole("button", { name: "Block", exact: true }).click();
  await expect(row).toContainText("Blocked");
  expect((await permission("anna1")).status).toBe("Blocked");
  await page.getByRole("textbox", { name: "Paste lines" }).fill("tag,group\nBob,,1\nCleo,,0,2020-13-01");
  await page.getByRole("button", { name: "Import CSV" }).click();
  const refused = page.getByRole("alert");
  await expect(refused).toContainText("Line 3: Expires on: A day is written YYYY-MM-DD.");
  // It was said by the server, and follows the language nevertheless.
  for (const said of ["第 3 行：失效日期：日期应为 YYYY-MM-DD。", "Line 3: Expires on: "]) {
    await page.locator("[data-do=lang]").click();
    await expect(refused).toContainText(said);
  }
  await expect(page.locator(".cards tbody tr")).toHaveCount(1);
  await page.getByRole("textbox", { name: "Paste lines" }).fill("tag,group,blocked,expires,note\nBob,,1\nCleo,,0,2020-12-01,\"old, and gone\"");
  await page.getByRole("button", { name: "Import CSV" }).click();
  await expect(page.locator(".cards tbody tr")).toHaveCount(3);
  expect((await permission("cleo")).status).toBe("Expired");
  const csv = await (await fetch(`${openSite}/cards/export.csv`, { headers: await authorized(openSite) })).text();
  expect(csv).toBe('tag,group,blocked,expires,note\r\nAnna1,fleet,1,,\r\nBob,,1,,\r\nCleo,,0,2020-12-01,"old, and gone"\r\n');
  page.once("dialog", (dialog) => dialog.accept());
  await row.getByRole("button", { name: "Remove" }).click();
  await expect(page.locator(".cards tbody tr")).toHaveCount(2);
  await charger.pullOut();
});

test("raw messages are shown, filtered and downloaded", async ({ openSite, page }) => {
  const charger = await ready(openSite);
  await charger.call("Heartbeat");
  const address = `${openSite}/details/frames.txt?charger_id=${encodeURIComponent(ID)}`;
  const download = async () => (await fetch(address, { headers: await authorized(openSite) })).text();
  await expect.poll(download).toContain('"Heartbeat"');
  expect(await download()).toMatch(/^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3} < \[2,/);
  await page.goto(details(openSite));
  await alive(page);
  const frames = page.locator("#frames li");
  await expect(frames.filter({ hasText: "BootNotification" }).first()).toBeVisible();
  await page.getByLabel("Containing").fill("Heartbeat");
  await page.getByLabel("Containing").press("Enter");
  await expect(frames).toHaveCount(1);
  await charger.pullOut();
});

test("diagnostics are uploaded to the site, listed and downloaded", async ({ openSite, page }) => {
  const charger = await ready(openSite);
  charger.replies = { GetDiagnostics: { fileName: "logs/charger 1.bin" } };
  await page.goto(details(openSite));
  await alive(page);
  const files = page.locator("#diagnostics");
  await expect(files).toContainText("No file yet.");
  const maintenance = await group(page, "Maintenance");
  await maintenance.getByRole("button", { name: "Get diagnostics" }).click();
  const { location } = await charger.toBeAsked("GetDiagnostics");
  expect(location).toMatch(new RegExp(`^${openSite}/ocpp/upload/[0-9a-f]{32}/$`));
  const bytes = Buffer.from(Array.from({ length: 1_000_000 }, (_, place) => (place * 7919) % 251));
  expect(await charger.upload(location, bytes, { form: true })).toBe(200);
  await expect(page.locator(".command-log tbody tr").first()).toContainText("Effect seen");
  const link = files.getByRole("link", { name: "charger 1.bin" });
  await expect(link).toBeVisible();
  await expect(files).toContainText(/1\sMB/);
  const [download] = await Promise.all([page.waitForEvent("download"), link.click()]);
  expect(download.suggestedFilename()).toBe("charger 1.bin");
  expect(readFileSync(await download.path()).equals(bytes)).toBe(true);
  expect((await fetch(location, { method: "PUT", body: bytes })).status, "once only").toBe(404);
  await charger.pullOut();
});

test.describe("without WebAssembly", () => {
  test.use({ javaScriptEnabled: false });

  test("a command is a form like any other", async ({ openSite, page }) => {
    const charger = await ready(openSite);
    await page.goto(details(openSite));
    await page.locator(".page-head").getByRole("button", { name: "Start", exact: true }).click();
    await charger.toBeAsked("RemoteStartTransaction");
    await expect(page).toHaveURL(/given=1/);
    await expect(page.locator(".command-log tbody tr")).toHaveCount(1);
    await charger.pullOut();
  });

  test("a form with something wrong comes back open, with what was typed", async ({ openSite, page }) => {
    const charger = await ready(openSite);
    await page.goto(details(openSite));
    const maintenance = page.locator("#group-maintenance");
    await maintenance.locator("summary").click();
    await page.locator('[name="DataTransfer.data"]').fill("hello");
    await maintenance.getByRole("button", { name: "Send" }).click();
    await expect(maintenance).toHaveAttribute("open", "");
    await expect(maintenance.getByRole("alert")).toContainText("This is required.");
    await expect(page.locator('[name="DataTransfer.data"]')).toHaveValue("hello");
    await page.locator('[name="DataTransfer.vendorId"]').fill("Vendor");
    await maintenance.getByRole("button", { name: "Send" }).click();
    expect(await charger.toBeAsked("DataTransfer")).toEqual({ vendorId: "Vendor", data: "hello" });
    await charger.pullOut();
  });
});
