// Everything works without WebAssembly, by links and forms alone.

import { expect, pages, test } from "./site.js";

test.use({ javaScriptEnabled: false });

for (const { path, en } of pages) {
  test(`${en} is complete`, async ({ page }) => {
    await page.goto(path);
    await expect(page.locator("h1")).toHaveText(en);
    await expect(page.locator(".card").first()).toBeVisible();
    await expect(page.getByText("Loading…")).toHaveCount(0);
  });
}

test("charts are drawn by the server", async ({ page }) => {
  await page.goto("/overview/?show=chargers&by=month&count=12");
  await expect(page.locator("#energy svg").first()).toBeVisible();
  await expect(page.locator("#connectivity svg.donut")).toBeVisible();
  await expect(page.locator("#phases .gauge")).toHaveCount(3);
});

test("the energy chart's options are a form", async ({ page }) => {
  await page.goto("/overview/");
  await page.getByLabel("By charger").check();
  await page.locator("#energy").getByRole("button", { name: "Apply" }).click();
  await expect(page).toHaveURL(/show=chargers/);
  await expect(page.getByLabel("By charger")).toBeChecked();
});

test("language and theme are links", async ({ page }) => {
  await page.goto("/records/?state=finished");
  await page.locator("[data-do=lang]").click();
  await expect(page.locator("h1")).toHaveText("记录");
  await expect(page).toHaveURL(/state=finished/);
  await page.locator("[data-do=theme]").click();
  await expect(page.locator("html")).toHaveAttribute("data-theme", "light");
});

test("the session query goes step by step", async ({ page }) => {
  await page.goto("/details/");
  await page.getByRole("link", { name: "Previous month" }).click();
  await page.locator(".calendar .is-marked").first().click();
  const records = page.locator("#query select[name=record]");
  await records.selectOption({ index: 1 });
  const record = await records.inputValue();
  await page.locator("#query").getByRole("button", { name: "Apply" }).nth(1).click();
  await expect(page.locator(".charge-code")).toHaveText(/^\d+$/);
  await page.locator("#query").getByRole("link", { name: "Start" }).click();
  await expect(page.getByRole("dialog")).toContainText(record);
  await page.getByRole("dialog").getByRole("link", { name: "Close" }).click();
  await expect(page.getByRole("dialog")).toHaveCount(0);
});

test("settings come back with what is wrong and what was typed, and are saved", async ({ page }) => {
  await page.goto("/settings/");
  await page.getByLabel("Maximum current, phase C").fill("20000");
  await page.getByLabel("Power meter port").fill("/dev/ttyUSB7");
  await page.getByRole("button", { name: "Save" }).click();
  await expect(page.getByRole("alert")).toContainText("Maximum current, phase C: At most 10000.");
  await expect(page.getByLabel("Power meter port")).toHaveValue("/dev/ttyUSB7");
  await page.getByLabel("Maximum current, phase C").fill("48");
  await page.getByRole("button", { name: "Save" }).click();
  await expect(page.locator(".said")).toContainText("Maximum current, phase C: 48");
  await expect(page.locator(".said")).toContainText("/dev/ttyUSB7");
});

test("records are filtered by a form", async ({ page }) => {
  await page.goto("/records/");
  await page.locator("select[name=state]").selectOption("finished");
  await page.getByRole("button", { name: "Apply" }).click();
  await expect(page).toHaveURL(/state=finished/);
  await expect(page.locator("#records tbody tr")).toHaveCount(50);
});
