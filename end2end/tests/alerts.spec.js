// Alerts: a charger faults, is lost, cuts a session off, and somebody hears of it.

import { createHmac } from "node:crypto";
import { createServer } from "node:http";
import { Charger, now } from "./charger.js";
import { ACCOUNT, alive, expect, expectNoReload, expectNoSidewaysScroll, mark, open, testChargers, useSite } from "./site.js";

const SECRET = "a secret of both";

const test = testChargers.extend({
  // A program that takes what the webhook tells.
  receiver: async ({}, use) => {
    const told = [];
    const server = createServer(async (request, response) => {
      const parts = [];
      for await (const part of request) parts.push(part);
      const body = Buffer.concat(parts);
      const signature = `sha256=${createHmac("sha256", SECRET).update(body).digest("hex")}`;
      told.push({ ...JSON.parse(body), isSigned: request.headers["bmw-signature"] === signature });
      response.end();
    });
    await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
    await use({ address: `http://127.0.0.1:${server.address().port}/hook`, told });
    server.close();
  },
  // Takes in whoever comes, and soon takes what lasts for an alert.
  soonSite: async ({ receiver }, use) =>
    useSite(use, {
      BMW_REGISTER_UNKNOWN: "true",
      BMW_ALERT_FAULT_AFTER: "1",
      BMW_ALERT_OFFLINE_AFTER: "1",
      BMW_ALERT_WEBHOOK: receiver.address,
      BMW_ALERT_WEBHOOK_SECRET: SECRET,
    }),
});

const fault = (charger, errorCode = "GroundFailure", info = "relay 3") =>
  charger.call("StatusNotification", { connectorId: 1, errorCode, info, status: "Faulted", timestamp: now() });

const bell = (page) => page.locator(".bell");
const rows = (page) => page.locator("#past-alerts tbody tr");

/** A charger that is there. */
async function plugged(site, id) {
  const charger = await new Charger(site, id).plugIn();
  await charger.boot();
  await charger.status("Available");
  return charger;
}

/** A session that ends for this reason. */
async function cutOff(charger, reason) {
  const { transactionId } = await charger.start(1_000);
  await charger.call("StopTransaction", { transactionId, meterStop: 2_000, timestamp: now(), reason });
}

test("a fault is counted, shown, acknowledged, and in the end history", async ({ page, soonSite }) => {
  const charger = await plugged(soonSite, "CP1");
  await open(page, `${soonSite}/overview/`);
  await mark(page);
  await expect(page).toHaveTitle("Overview · BMW");
  await expect(bell(page)).toHaveText("Alerts");
  await fault(charger);
  await expect(page).toHaveTitle("(1) Overview · BMW");
  await expect(bell(page)).toHaveText("Alerts 1 not acknowledged");
  await bell(page).click();
  await expect(page).toHaveTitle("(1) Alerts · BMW");
  const alert = page.locator(".alert");
  await expect(alert).toContainText("1 charger faulted");
  await expect(alert).toContainText("GroundFailure");
  await expect(alert).toContainText("relay 3");
  await expect(alert.getByRole("link", { name: "CP1" })).toHaveAttribute("href", "/details/?charger_id=CP1");
  await alert.getByRole("button", { name: "Acknowledge" }).click();
  await expect(page).toHaveTitle("Alerts · BMW");
  await expect(page.getByText("1 alert acknowledged.")).toBeVisible();
  await expect(alert).toContainText(`Acknowledged ${ACCOUNT.username}`);
  await expect(bell(page)).toHaveText("Alerts");
  await expect(rows(page)).toHaveCount(0);
  await charger.status("Available");
  await expect(page.getByText("No alert is open")).toBeVisible();
  await expect(rows(page)).toHaveCount(1);
  await expect(rows(page)).toContainText("CP1");
  await expect(rows(page)).toContainText(ACCOUNT.username);
  await expectNoReload(page);
  await page.getByRole("link", { name: "切换到中文" }).click();
  await expect(page).toHaveTitle("告警 · BMW");
  await expect(page.getByText("没有告警")).toBeVisible();
  await charger.pullOut();
});

test("chargers that are lost together are one line and one message", async ({ page, soonSite, receiver }) => {
  const chargers = await Promise.all(["A", "B", "C", "D"].map((id) => plugged(soonSite, id)));
  await open(page, `${soonSite}/alerts/`);
  await expect(page.locator("#webhook")).toContainText("127.0.0.1: nothing was sent yet");
  await Promise.all(chargers.map((charger) => charger.pullOut()));
  const alert = page.locator(".alert");
  await expect(alert).toContainText("4 chargers out of contact");
  await expect(alert).toHaveCount(1);
  await alert.getByText("Show them").click();
  await expect(alert.locator(".alert-list > li")).toHaveCount(4);
  await expect.poll(() => receiver.told.length).toBeGreaterThan(0);
  const told = receiver.told.filter((body) => body.event === "begun");
  expect(told.map(({ cause, count, isSigned }) => ({ cause, count, isSigned }))).toEqual([{ cause: "offline", count: 4, isSigned: true }]);
  // One of them, then the others.
  await alert.locator("li", { hasText: "B" }).getByRole("button", { name: "Acknowledge" }).click();
  await expect(page).toHaveTitle("(3) Alerts · BMW");
  await alert.locator(".alert-head").getByRole("button", { name: "Acknowledge" }).click();
  await expect(page).toHaveTitle("Alerts · BMW");
  await expect(page.locator("#webhook")).toContainText("delivered");
  await (await plugged(soonSite, "A")).call("Heartbeat");
  await expect(alert).toContainText("3 chargers out of contact");
});

test("all causes are acknowledged at once", async ({ page, soonSite }) => {
  const charger = await plugged(soonSite, "CP1");
  await fault(charger, "OverVoltage");
  await cutOff(charger, "PowerLoss");
  await cutOff(charger, "EmergencyStop");
  await open(page, `${soonSite}/alerts/`);
  await expect(page.locator(".alert")).toHaveCount(3);
  await page.getByRole("button", { name: "Acknowledge all" }).click();
  await expect(page.getByText("3 alerts acknowledged.")).toBeVisible();
  // What lasts stays; sessions that were cut off have no other end.
  await expect(page.locator(".alert")).toHaveCount(1);
  await expect(rows(page)).toHaveCount(2);
  await charger.pullOut();
});

test("a new alert is a notification while nobody looks", async ({ page, context, soonSite }) => {
  await context.grantPermissions(["notifications"], { origin: soonSite });
  await page.addInitScript(() => {
    window.shown = [];
    const Real = window.Notification;
    window.Notification = class extends Real {
      constructor(title, options) {
        super(title, options);
        window.shown.push({ title, ...options });
      }
    };
  });
  const charger = await plugged(soonSite, "CP1");
  await open(page, `${soonSite}/alerts/`);
  const toggle = page.getByRole("switch", { name: "Notify me on this device" });
  await expect(toggle).not.toBeChecked();
  await toggle.click();
  await expect(toggle).toBeChecked();
  const shown = () => page.evaluate(() => window.shown);
  await cutOff(charger, "PowerLoss");
  await expect(page).toHaveTitle("(1) Alerts · BMW");
  expect(await shown(), "somebody looks").toEqual([]);
  // It is remembered, and what is there already is no news.
  await page.reload();
  await alive(page);
  await expect(toggle).toBeChecked();
  await page.evaluate(() => {
    document.hasFocus = () => false;
  });
  await cutOff(charger, "EmergencyStop");
  await expect(page).toHaveTitle("(2) Alerts · BMW");
  expect(await shown()).toEqual([{ title: "Session cut off · BMW", body: "CP1 EmergencyStop", tag: expect.stringMatching(/^bmw-alert-\d+$/) }]);
  await toggle.click();
  await expect(toggle).not.toBeChecked();
  await cutOff(charger, "Reboot");
  await expect(page).toHaveTitle("(3) Alerts · BMW");
  expect(await shown()).toHaveLength(1);
  await charger.pullOut();
});

test.describe("with the service worker", () => {
  test.use({ serviceWorkers: "allow" });

  test("where pages may show no notifications the service worker does", async ({ page, context, soonSite }) => {
    await context.grantPermissions(["notifications"], { origin: soonSite });
    // As browsers of phones do.
    await page.addInitScript(() => {
      const { permission, requestPermission } = window.Notification;
      window.Notification = class {
        static permission = permission;
        static requestPermission = requestPermission.bind(Notification);
        constructor() {
          throw new TypeError("Illegal constructor");
        }
      };
      document.hasFocus = () => false;
    });
    const charger = await plugged(soonSite, "CP1");
    await open(page, `${soonSite}/alerts/`);
    await page.evaluate(() => navigator.serviceWorker.ready);
    await expect.poll(() => page.evaluate(() => navigator.serviceWorker.controller !== null)).toBe(true);
    const toggle = page.getByRole("switch", { name: "Notify me on this device" });
    await toggle.click();
    await expect(toggle).toBeChecked();
    await cutOff(charger, "PowerLoss");
    const shown = () =>
      page.evaluate(async () => {
        const registration = await navigator.serviceWorker.ready;
        return (await registration.getNotifications()).map(({ title, body }) => ({ title, body }));
      });
    await expect.poll(shown).toEqual([{ title: "Session cut off · BMW", body: "CP1 PowerLoss" }]);
    await expect(toggle).toBeChecked();
    await charger.pullOut();
  });
});

test("who has denied notifications is told", async ({ page, soonSite }) => {
  await page.addInitScript(() => Object.defineProperty(Notification, "permission", { get: () => "denied" }));
  await open(page, `${soonSite}/alerts/`);
  await expect(page.getByRole("switch", { name: "Notify me on this device" })).toBeDisabled();
  await expect(page.locator("#notices-why")).toContainText("was told to deny them");
});

for (const [width, height] of [[360, 740], [1440, 900]]) {
  test(`it fits ${width} px in both languages`, async ({ page, context, soonSite }) => {
    const charger = await plugged(soonSite, "A-charger-with-quite-a-long-name-as-some-have");
    await fault(charger, "PowerMeterFailure", "what the vendor says of it is as long as it may be");
    await cutOff(charger, "EmergencyStop");
    await page.setViewportSize({ width, height });
    for (const lang of ["en", "zh"]) {
      await context.addCookies([{ name: "lang", value: lang, url: soonSite }]);
      await open(page, `${soonSite}/alerts/`);
      await expect(page.locator(".alert")).toHaveCount(2);
      await expectNoSidewaysScroll(page);
    }
    await charger.pullOut();
  });
}

test.describe("without WebAssembly", () => {
  test.use({ javaScriptEnabled: false });

  test("alerts are acknowledged by plain forms", async ({ page, soonSite }) => {
    const charger = await plugged(soonSite, "CP1");
    await cutOff(charger, "PowerLoss");
    await page.goto(`${soonSite}/alerts/`);
    await expect(page).toHaveTitle("(1) Alerts · BMW");
    await expect(page.getByText("Notifications need scripts.")).toBeVisible();
    await page.getByRole("button", { name: "Acknowledge" }).click();
    await expect(page.getByText("No alert is open")).toBeVisible();
    await expect(page.locator("#past-alerts tbody tr")).toContainText(ACCOUNT.username);
    await charger.pullOut();
  });
});
