// What moves on a page moves so that a person can follow it; the chargers are by a client that is not ours.

import { Charger, now } from "./charger.js";
import { alive, expect, testChargers as test } from "./site.js";

/** A charger that is ready. */
async function ready(site, id) {
  const charger = await new Charger(site, id).plugIn();
  await charger.boot();
  await charger.status("Available");
  return charger;
}

const HOUR = 3_600_000;

/** A session of so many Wh, from its begin an hour ago to its end. */
async function charge(charger, wh) {
  const { transactionId } = await charger.start(0, now(-HOUR));
  await charger.stop(transactionId, wh);
}

/** Notes every text that an element ever shows. */
async function watch(locator) {
  await locator.evaluate((element) => {
    window.shown = [];
    new MutationObserver(() => window.shown.push(element.textContent)).observe(element, {
      characterData: true,
      childList: true,
      subtree: true,
    });
  });
  return () => locator.evaluate(() => window.shown.map(Number));
}

const energy = (page) => page.locator(".tile", { hasText: "Energy" }).locator(".number");
const row = (page, id) => page.locator(`#chargers tr[data-key="${id}"]`);
const ids = (page) => page.locator("#chargers tbody th a").allTextContents();

/** The tab is in the background, or comes back. */
const look = (page, away) =>
  page.evaluate((away) => {
    Object.defineProperty(document, "hidden", { get: () => away, configurable: true });
    document.dispatchEvent(new Event("visibilitychange", { bubbles: true }));
  }, away);

/** What the energy of the site shows while it becomes 12.34 kWh. */
async function shownUpTo12(openSite, page) {
  const charger = await ready(openSite, "A");
  await page.goto(`${openSite}/overview/`);
  await alive(page);
  const shown = await watch(energy(page));
  await charge(charger, 12_340);
  await expect(energy(page)).toHaveText("12.34");
  await charger.pullOut();
  return shown();
}

test("a number glides to its new value", async ({ openSite, page }) => {
  const shown = await shownUpTo12(openSite, page);
  const between = shown.filter((value) => value > 0 && value < 12.34);
  expect(between.length, "values on the way").toBeGreaterThan(2);
  expect(between, "upwards").toEqual([...between].sort((a, b) => a - b));
});

test("who wants no motion gets the new value at once", async ({ openSite, page }) => {
  await page.emulateMedia({ reducedMotion: "reduce" });
  expect(await shownUpTo12(openSite, page)).toEqual([12.34]);
});

/** Frames come no more, or again. */
const hold = (page, isHeld) =>
  page.evaluate((isHeld) => {
    window.frame ??= window.requestAnimationFrame.bind(window);
    const held = [];
    window.release?.();
    window.requestAnimationFrame = isHeld ? (step) => held.push(step) : window.frame;
    window.release = () => held.splice(0).forEach((step) => window.frame(step));
  }, isHeld);

/** What an element shows as nothing asks for frames any more: what glides has arrived. */
const stoodStill = (locator) =>
  locator.evaluate(async (element) => {
    const frame = window.frame;
    let asked = true;
    window.requestAnimationFrame = (step) => ((asked = true), frame(step));
    for (let quiet = 0; quiet < 5; quiet = asked ? 0 : quiet + 1) {
      asked = false;
      await new Promise(frame);
    }
    window.requestAnimationFrame = frame;
    return element.textContent;
  });

test("a number that changes again on its way ends where it should", async ({ openSite, page }) => {
  const charger = await ready(openSite, "A");
  const { transactionId } = await charger.start(0);
  await charger.status("Charging");
  const line = page.locator(".line-value").first();
  /** Until it is drawn: what does not glide says so. */
  const tell = async (amperes) => {
    await charger.meter(transactionId, 100, [amperes, amperes, amperes]);
    await expect(line).toHaveText(String(amperes));
  };
  await page.goto(`${openSite}/details/?charger_id=A`);
  await alive(page);
  await tell(6);
  const figure = page.locator(".figures b", { hasText: /^[\d.]+\s*A$/ });
  await expect(figure).toHaveText(/^6\s*A$/);

  // There and back, before it has moved.
  await hold(page, true);
  await tell(16);
  await tell(6);
  await expect(figure).toHaveText(/^6\s*A$/);
  await hold(page, false);
  // At once: the next change would mend it.
  expect(await stoodStill(figure)).toMatch(/^6\s*A$/);

  // Nobody looks as it changes again.
  await hold(page, true);
  await tell(16);
  await look(page, true);
  await tell(8);
  await look(page, false);
  await hold(page, false);
  expect(await stoodStill(figure)).toMatch(/^8\s*A$/);
  await charger.pullOut();
});

test("rows stay where they are when the page asks anew", async ({ openSite, page }) => {
  const [a, b, c] = [await ready(openSite, "A"), await ready(openSite, "B"), await ready(openSite, "C")];
  await page.goto(`${openSite}/overview/`);
  await alive(page);
  expect(await ids(page)).toEqual(["C", "B", "A"]);
  // The newest contact is another now, and one is lost: of that the feed tells only in part.
  await a.call("Heartbeat");
  const asked = page.waitForResponse(/\/fn\//);
  await b.pullOut();
  await (await asked).finished();
  await expect(row(page, "B")).toContainText("ago", { timeout: 20_000 });
  expect(await ids(page), "as they were").toEqual(["C", "B", "A"]);
  await page.reload();
  await alive(page);
  expect(await ids(page), "who comes anew sees the newest first").not.toEqual(["C", "B", "A"]);
  for (const charger of [a, c]) await charger.pullOut();
});

test("what has changed while nobody looked is marked, until it is put away", async ({ openSite, page }) => {
  const [a, b] = [await ready(openSite, "A"), await ready(openSite, "B")];
  await page.goto(`${openSite}/overview/`);
  await alive(page);
  const mark = page.locator("#chargers .changed-dot");
  const note = page.locator(".note");
  const badge = row(page, "A").locator(".badge");

  // The feed has told of all: it tells of this.
  await a.status("Preparing");
  await expect(badge).toContainText("Preparing");
  await look(page, true);
  await a.status("Charging");
  await charge(a, 5000);
  await expect(badge).toContainText("Stopped");
  await expect(mark).toHaveCount(0);
  await look(page, false);
  await expect(mark).toHaveCount(1);
  await expect(row(page, "A").locator(".changed-dot")).toHaveCount(1);
  await expect(note).toContainText("1 charger changed, 1 session ended");
  await note.getByRole("link", { name: "A" }).click();
  await expect(page).toHaveURL(/charger_id=A/);
  await page.goBack();
  await page.getByRole("button", { name: "Put away" }).click();
  await expect(note).toHaveCount(0);
  await expect(mark).toHaveCount(0);

  // Nothing has happened: nothing is said.
  await look(page, true);
  await look(page, false);
  await b.status("Preparing");
  await expect(row(page, "B").locator(".badge")).toContainText("Preparing");
  await expect(note).toHaveCount(0);
  for (const charger of [a, b]) await charger.pullOut();
});

test("of a long list the browser reads anew what has changed alone", async ({ openSite, page }) => {
  await page.addInitScript(() => {
    const { set, ...rest } = Object.getOwnPropertyDescriptor(Element.prototype, "innerHTML");
    window.read = [];
    const noted = function (markup) {
      window.read.push(markup);
      set.call(this, markup);
    };
    Object.defineProperty(Element.prototype, "innerHTML", { ...rest, set: noted });
  });
  const chargers = [];
  for (let number = 1; number <= 6; number += 1) chargers.push(await ready(openSite, `CP${number}`));
  await page.goto(`${openSite}/devices/`);
  await alive(page);
  const rows = page.locator(".device-table tbody tr");
  const whole = (markup) => markup.match(/<tr data-key="CP\d">/g) ?? [];
  const same = (markup) => markup.match(/<tr data-key="CP\d" data-same(="")?>/g) ?? [];
  /** What was read as this charger became another. */
  const readFor = async (number) => {
    await chargers[number - 1].status("Preparing");
    await expect(rows.filter({ hasText: `CP${number}` })).toContainText("Preparing");
    const read = await page.evaluate(() => window.read);
    return read.findLast((markup) => whole(markup).includes(`<tr data-key="CP${number}">`));
  };
  await readFor(1);
  const read = await readFor(4);
  expect(whole(read).length + same(read).length, "all are there").toBe(6);
  // An age may have moved on in the same moment.
  expect(same(read).length, "rows that are not read again").toBeGreaterThan(0);
  await expect(page.locator("[data-same]")).toHaveCount(0);
  for (const [index, charger] of chargers.entries()) {
    await expect(rows.nth(index).locator("td"), `row ${index}`).toHaveCount(4 + 1);
    await charger.pullOut();
  }
});
