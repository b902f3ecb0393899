// People operate chargers from the pages; the chargers are by a client that is not ours.

import { readFileSync } from "node:fs";
import { Charger, ID } from "./charger.js";
import { alive, expect, testChargers as test } from "./site.js";

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
  await expect(head.getByText("No connection")).toBeVisible();
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

test("what cannot be given is said by name", async ({ openSite, page }) => {
  const charger = await ready(openSite);
  await page.goto(details(openSite));
  await alive(page);
  await page.getByRole("button", { name: "Change configuration" }).click();
  await expect(page.locator(".notice")).toContainText("key: This field is required.");
  await page.getByLabel("Configuration key").fill("HeartbeatInterval");
  await page.getByLabel("Value", { exact: true }).fill("30");
  await page.getByRole("button", { name: "Change configuration" }).click();
  expect(await charger.toBeAsked("ChangeConfiguration")).toMatchObject({ value: expect.any(String) });
  await expect(page.locator(".command-log tbody tr").first()).toContainText("Effect seen");
  await charger.pullOut();
});

test("a charger that asked to join is admitted", async ({ strictSite, page }) => {
  await expect(new Charger(strictSite).plugIn()).rejects.toThrow("Not Found");
  await page.goto(`${strictSite}/devices/`);
  await alive(page);
  const row = page.locator(".joining tbody tr", { hasText: ID });
  await row.getByRole("button", { name: "Admit" }).click();
  await expect(page.locator(".device-table tbody tr", { hasText: ID })).toBeVisible();
  await expect(row).toHaveCount(0);
  const charger = await ready(strictSite);
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
  await Promise.all(chargers.map((charger) => charger.pullOut()));
});

test("what cannot be quite right is shown to the operator", async ({ openSite, page }) => {
  const charger = await ready(openSite);
  await charger.stop(-1, 10);
  await page.goto(`${openSite}/devices/`);
  await expect(page.locator(".findings tbody tr").first()).toContainText("Stop of an unknown session");
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
  await expect(page.getByRole("alert")).toContainText("line 3: expires");
  await expect(page.locator(".cards tbody tr")).toHaveCount(1);
  await page.getByRole("textbox", { name: "Paste lines" }).fill("tag,group,blocked,expires,note\nBob,,1\nCleo,,0,2020-12-01,\"old, and gone\"");
  await page.getByRole("button", { name: "Import CSV" }).click();
  await expect(page.locator(".cards tbody tr")).toHaveCount(3);
  expect((await permission("cleo")).status).toBe("Expired");
  const csv = await (await fetch(`${openSite}/cards/export.csv`)).text();
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
  const download = async () => (await fetch(address)).text();
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
  await page.getByRole("button", { name: "Get diagnostics" }).click();
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
});
