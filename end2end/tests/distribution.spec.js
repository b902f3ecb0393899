// The distribution of the site's current: a charger is held by what it is told, people see why, and try out what would be.

import { Charger } from "./charger.js";
import { distribute, expect, open, testChargers as test } from "./site.js";

const composite = (limit) => ({
  status: "Accepted",
  connectorId: 1,
  scheduleStart: new Date().toISOString(),
  chargingSchedule: { duration: 10, chargingRateUnit: "A", chargingSchedulePeriod: [{ startPeriod: 0, limit }] },
});

/** A charger that takes limits and says that they hold. */
async function plugged(site, identity) {
  const charger = new Charger(site, identity);
  charger.replies.GetCompositeSchedule = composite(0);
  await charger.plugIn();
  await charger.boot();
  await charger.status("Available");
  await charger.toBeAsked("GetCompositeSchedule");
  return charger;
}

const limits = (charger) =>
  charger.asked
    .filter(({ method }) => method === "SetChargingProfile")
    .map(({ params: { csChargingProfiles: profile } }) => [
      profile.chargingProfilePurpose,
      profile.chargingSchedule.chargingSchedulePeriod[0].limit,
    ]);

const row = (page, id) => page.locator(".queue tbody tr", { hasText: id });

test("two cars share what there is, and each is said why it gets no more", async ({ openSite, page }) => {
  await distribute(openSite, true, 20);
  const one = await plugged(openSite, "ONE");
  const two = await plugged(openSite, "TWO");
  expect(limits(one)).toContainEqual(["TxDefaultProfile", 0]);
  await open(page, `${openSite}/distribution/`);
  await expect(page.getByText("2 other chargers have no car.")).toBeVisible();
  await one.start(0);
  await two.start(0);
  await expect(row(page, "ONE")).toContainText("phase A is full");
  // 20 A without the headroom of one: each gets half, in steps. First each has the least.
  await expect(row(page, "ONE").locator("[data-label=Planned]")).toHaveText(/9\.5\sA/);
  await expect.poll(() => limits(one)).toContainEqual(["TxProfile", 6]);
  await expect.poll(() => limits(one), { timeout: 30_000 }).toContainEqual(["TxProfile", 9]);
  await page.getByRole("link", { name: "ONE" }).click();
  await expect(page.locator(".share")).toContainText("Planned");
  await one.pullOut();
  await two.pullOut();
});

test("what is tried out is planned in the browser, and nothing is asked for or saved", async ({ openSite, page }) => {
  await distribute(openSite, true, 20);
  const charger = await plugged(openSite, "ONE");
  await charger.start(0);
  await open(page, `${openSite}/distribution/`);
  await expect(row(page, "ONE").locator("[data-label=Planned]")).toHaveText(/19\sA/);
  const requests = [];
  page.on("request", (request) => requests.push(request.url()));
  await page.getByLabel("Limit A (A)").pressSequentially("11");
  await expect(row(page, "ONE").locator("[data-label='What if']")).toHaveText(/↓ 10\sA/);
  // The plan may have moved on meanwhile, which the page asks for; what is typed it keeps to itself.
  expect(requests.filter((url) => url.includes("try_"))).toEqual([]);
  await page.getByText("Maxima of chargers").click();
  await page.getByLabel("ONE", { exact: true }).pressSequentially("8");
  await expect(row(page, "ONE").locator("[data-label='What if']")).toHaveText(/↓ 8\sA/);
  await expect(row(page, "ONE")).toContainText("the charger's maximum, 8");
  // What was tried out stands in the address: it can be shown to somebody.
  await expect(page).toHaveURL(/try_limit_A=11/);
  await charger.pullOut();
});

test("settings and wiring are said by forms, and what is wrong is named", async ({ openSite, page }) => {
  await distribute(openSite, true, 20);
  const charger = await plugged(openSite, "ONE");
  await open(page, `${openSite}/distribution/`);
  await page.getByLabel("Safe current").fill("20");
  await page.locator("#distribution-settings").getByRole("button", { name: "Save" }).click();
  await expect(page.getByText("need 21 A")).toBeVisible();
  await page.getByLabel("Safe current").fill("6");
  await page.locator("#distribution-settings").getByRole("button", { name: "Save" }).click();
  await expect(page.getByText("It is saved.")).toBeVisible();
  await expect.poll(() => limits(charger)).toContainEqual(["TxDefaultProfile", 6]);
  await page.locator("#wiring select[name=charger]").selectOption("ONE");
  await page.getByLabel("Cable, A").fill("8");
  await page.getByLabel("Phases of L1, L2, L3").selectOption("BCA");
  await page.locator("#wiring").getByRole("button", { name: "Save" }).click();
  await expect(page.getByText("It is saved.")).toBeVisible();
  await charger.start(0);
  await expect(row(page, "ONE")).toContainText(/cable 8\sA/);
  // A limit under the safe current is refused where it is set.
  await open(page, `${openSite}/settings/`);
  await page.getByLabel("Maximum current, phase B").fill("6");
  await page.getByRole("button", { name: "Save" }).click();
  await expect(page.getByRole("alert")).toContainText("need 7 A");
  await charger.pullOut();
});

test.describe("without WebAssembly", () => {
  test.use({ javaScriptEnabled: false });

  test("it is a page of forms like any other", async ({ openSite, page }) => {
    await distribute(openSite, true, 20);
    const charger = await plugged(openSite, "ONE");
    await charger.start(0);
    await page.goto(`${openSite}/distribution/`);
    await page.getByLabel("Limit A (A)").fill("11");
    await page.locator(".try").getByRole("button", { name: "Apply" }).click();
    await expect(row(page, "ONE").locator("[data-label='What if']")).toHaveText(/↓ 10\sA/);
    await page.getByLabel("Safe current").fill("5");
    await page.locator("#distribution-settings").getByRole("button", { name: "Save" }).click();
    await expect(page.getByText("At least 6.")).toBeVisible();
    await charger.pullOut();
  });
});
