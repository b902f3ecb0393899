// Who did what: the page of the audit log, which is links and forms alone.

import { ACCOUNT, authorized, expect, expectNoSidewaysScroll, test } from "./site.js";

// Neither this page nor what is done here needs a script.
test.use({ javaScriptEnabled: false });

const log = (page) => page.locator(".audit-log tbody tr");

async function setMeterPort(page, port) {
  await page.goto("/settings/");
  await page.getByLabel("Power meter port").fill(port);
  await page.getByRole("button", { name: "Save" }).click();
  await expect(page.locator(".said")).toContainText(port);
}

test("an administrator sees who changed what, and from what to what", async ({ page }) => {
  await setMeterPort(page, "/dev/ttyAudit1");
  await setMeterPort(page, "/dev/ttyAudit2");
  await page.goto("/settings/");
  await page.getByRole("link", { name: "Audit log" }).click();
  await expect(page.locator("h1")).toHaveText("Audit log");
  const newest = log(page).filter({ hasText: "Settings changed" }).first();
  await expect(newest).toContainText(ACCOUNT.username);
  await expect(newest).toContainText("127.0.0.1");
  await expect(newest).toContainText("Power meter port: /dev/ttyAudit1 → /dev/ttyAudit2");
  await expect(newest.locator("li")).toHaveCount(1);
  await expect(log(page).filter({ hasText: "Filled as a demo" })).toContainText("Command line");
});

test("it is narrowed by who, what, on what and when, and by what is in a row", async ({ page, site }) => {
  const card = { method: "POST", headers: await authorized(site) };
  for (const note of ["one", "two"]) {
    await fetch(`${site}/fn/command`, { ...card, body: new URLSearchParams({ command: "put-card", tag: "AuditCard", note }) });
  }
  await page.goto("/audit/");
  await page.locator("select[name=kind]").selectOption({ label: "Card entered or changed" });
  await page.getByLabel("On what").fill("auditcard");
  await page.getByRole("button", { name: "Filter" }).click();
  await expect(page).toHaveURL(/kind=card\.put&subject=auditcard/);
  await expect(log(page)).toHaveCount(2);
  await expect(log(page).first()).toContainText("note: one → two");
  await expect(log(page).first()).toContainText("api-token-auth");
  await page.getByLabel("To", { exact: true }).fill("2001-01-01");
  await page.getByRole("button", { name: "Filter" }).click();
  await expect(page.getByText("No entry matches.")).toBeVisible();
  await page.getByRole("link", { name: "Clear the filters" }).click();
  await expect(log(page).first()).toBeVisible();
  await page.getByRole("link", { name: "AuditCard" }).first().click();
  await expect(page.getByLabel("On what")).toHaveValue("AuditCard");
  await expect(log(page)).toHaveCount(2);
});

test("it is downloaded as CSV, which is a deed itself", async ({ page, site }) => {
  await setMeterPort(page, "=cmd()");
  await page.goto("/audit/?kind=settings");
  const address = await page.getByRole("link", { name: "Download CSV" }).getAttribute("href");
  expect(address).toBe("/audit/export.csv?kind=settings");
  const answer = await fetch(site + address, { headers: await authorized(site) });
  expect(answer.headers.get("content-type")).toBe("text/csv; charset=utf-8");
  const csv = Buffer.from(await answer.arrayBuffer());
  expect([...csv.subarray(0, 3)]).toEqual([0xef, 0xbb, 0xbf]);
  expect(csv.toString()).toContain('""meter_port"":""=cmd()""');
  await page.goto("/audit/?kind=export.audit");
  await expect(log(page).first()).toContainText("Audit log downloaded");
});

test("nobody else sees it", async ({ browser, site }) => {
  const context = await browser.newContext({ locale: "en-GB", baseURL: site });
  const stranger = await context.newPage();
  await stranger.goto("/audit/?kind=card");
  await expect(stranger).toHaveURL(/\/log_in\//);
  await context.close();
});

for (const lang of ["zh", "en"]) {
  test(`it fits a phone, ${lang}`, async ({ page, context, site }) => {
    await context.addCookies([{ name: "lang", value: lang, url: site }]);
    await page.setViewportSize({ width: 360, height: 740 });
    for (const path of ["/audit/", "/audit/?kind=none"]) {
      await page.goto(path);
      await expect(page.locator("h1")).toHaveText({ zh: "操作日志", en: "Audit log" }[lang]);
      await expectNoSidewaysScroll(page);
    }
  });
}
