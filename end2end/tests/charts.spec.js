// Charts and gauges: legend, read-outs, files, tables, and that nothing collides on a phone.

import { readFileSync } from "node:fs";
import { Charger, ID, now } from "./charger.js";
import { alive, expect, expectNoReload, expectNoSidewaysScroll, mark, open, test, testChargers } from "./site.js";

const BY_CHARGER = "/overview/?show=chargers&by=day&count=30";
const entry = (page, name) => page.locator("#energy .legend-entry", { hasText: name });
const ticks = (page) => page.locator("#energy .chart text.y").allTextContents();
const bars = (page) => page.locator("#energy .chart path.f");

/** The visible texts of a chart that lie on each other. */
const collisions = (chart) =>
  chart.evaluate((root) => {
    const shown = [...root.querySelectorAll("text, dt, dd, p, span")].filter(
      (text) => text.children.length === 0 && text.checkVisibility() && text.getBoundingClientRect().width > 0,
    );
    const boxes = shown.map((text) => [text.textContent, text.getBoundingClientRect()]);
    const found = [];
    boxes.forEach(([one, a], index) => {
      for (const [other, b] of boxes.slice(index + 1)) {
        const apart = a.right <= b.left + 1 || b.right <= a.left + 1 || a.bottom <= b.top + 1 || b.bottom <= a.top + 1;
        if (!apart) found.push(`${one} / ${other}`);
      }
    });
    return found;
  });

test("of fifty chargers the largest are in the legend, and each is switched off and on", async ({ page, fiftySite }) => {
  await open(page, fiftySite + BY_CHARGER);
  await mark(page);
  await expect(page.locator("#energy .legend-entry")).toHaveCount(10);
  await expect(entry(page, "41 others")).toHaveAttribute("aria-pressed", "true");
  await expect(bars(page)).toHaveCount(10);
  const [before] = (await ticks(page)).slice(-1);
  // By mouse, and by the keyboard.
  await entry(page, "41 others").click();
  await expect(entry(page, "41 others")).toHaveAttribute("aria-pressed", "false");
  await expect(bars(page)).toHaveCount(9);
  expect((await ticks(page)).slice(-1), "the scale follows").not.toEqual([before]);
  await entry(page, "CP50").focus();
  await page.keyboard.press("Space");
  await expect(entry(page, "CP50")).toHaveAttribute("aria-pressed", "false");
  await expect(entry(page, "CP50"), "the focus stays").toBeFocused();
  await expect(bars(page)).toHaveCount(8);
  await expect(page.locator("#energy thead th", { hasText: "CP50" })).toHaveCount(0);
  // It stays off when something else is chosen, and goes into the address.
  await page.locator("#energy label", { hasText: /^Month$/ }).click();
  await expect(page).toHaveURL(/by=month/);
  await expect(entry(page, "CP50")).toHaveAttribute("aria-pressed", "false");
  await expect(bars(page)).toHaveCount(8);
  await page.reload();
  await expect(entry(page, "CP50")).toHaveAttribute("aria-pressed", "false");
  await alive(page);
  await entry(page, "CP50").press("Enter");
  await expect(bars(page)).toHaveCount(9);
});

test("whoever looks at an entry of the legend sees its bars", async ({ page, fiftySite }) => {
  await open(page, fiftySite + BY_CHARGER);
  await entry(page, "CP45").hover();
  const faint = () => bars(page).evaluateAll((all) => all.filter((bar) => getComputedStyle(bar).opacity < 0.5).length);
  await expect.poll(faint).toBe(9);
  await page.mouse.move(0, 0);
  await expect.poll(faint).toBe(0);
});

test("one of the others is found, gets its own colour, and goes back", async ({ page, fiftySite }) => {
  await open(page, fiftySite + BY_CHARGER);
  await mark(page);
  await page.locator(".others summary").click();
  await expect(page.locator(".others li")).toHaveCount(41);
  await expect(page.locator(".others li").first(), "the largest first").toContainText("CP41");
  await page.locator(".others input").fill("cp07");
  await expect(page.locator(".others li")).toHaveCount(1);
  await page.locator(".others li a").click();
  await expect(page).toHaveURL(/with=CP07/);
  await expect(entry(page, "CP07")).toBeVisible();
  await expect(entry(page, "40 others")).toBeVisible();
  await expect(bars(page)).toHaveCount(11);
  await page.getByRole("link", { name: "Back to the others: CP07" }).click();
  await expect(entry(page, "41 others")).toBeVisible();
  await expect(entry(page, "CP07")).toHaveCount(0);
  await expectNoReload(page);
});

/** Presses the button of a kind of file behind a chart, and waits for the file. */
async function saved(page, card, kind) {
  const behind = page.locator(`${card} .chart-data`).first();
  if (!(await behind.evaluate((details) => details.open))) await behind.locator("summary").click();
  const coming = page.waitForEvent("download");
  await behind.locator(".chart-saves").getByText(kind, { exact: true }).click();
  const file = await coming;
  return { name: file.suggestedFilename(), bytes: readFileSync(await file.path()) };
}

test("the energy chart is saved as CSV, SVG and PNG", async ({ page, fiftySite }) => {
  await open(page, `${fiftySite}/overview/?show=chargers&by=day&count=3`);
  await entry(page, "CP50").click();
  const csv = await saved(page, "#energy", "CSV");
  expect(csv.name).toMatch(/^energy_\d{4}-\d\d-\d\d_\d{4}-\d\d-\d\d\.csv$/);
  const [head, ...rows] = csv.bytes.toString().replace("\u{feff}", "").trim().split("\r\n");
  expect(head.split(",").slice(0, 2)).toEqual(["Period", "CP42 (kWh)"]);
  expect(head).not.toContain("CP50");
  expect(head).toContain("41 others (kWh),Total (kWh)");
  expect(rows).toHaveLength(3);
  expect(rows[0]).toMatch(/^\d{4}-\d\d-\d\d,42,43,44,45,46,47,48,49,861,1225$/);

  const svg = await saved(page, "#energy", "SVG");
  expect(svg.name).toBe(csv.name.replace("csv", "svg"));
  const text = svg.bytes.toString();
  const shown = await page.evaluate((text) => {
    const document = new DOMParser().parseFromString(text, "image/svg+xml");
    const texts = [...document.querySelectorAll("text")].map((text) => text.textContent);
    return { name: document.documentElement.nodeName, texts, classes: document.querySelectorAll("[class]").length };
  }, text);
  expect(shown.name, "it is whole").toBe("svg");
  expect(shown.classes, "it needs no style sheet").toBe(0);
  expect(shown.texts).toContain("Energy over time");
  expect(shown.texts.join(" ")).toMatch(/CP42 .*41 others/);
  expect(shown.texts.join(" ")).not.toContain("CP50");
  for (const foreign of ["var(", "oklch", "light-dark", "currentcolor"]) expect(text.toLowerCase()).not.toContain(foreign);
  expect(text).toMatch(/fill="#[0-9a-f]{6}"/);

  const png = await saved(page, "#energy", "PNG");
  expect(png.name).toBe(csv.name.replace("csv", "png"));
  expect(png.bytes.subarray(1, 4).toString()).toBe("PNG");
  const width = await page.locator("#energy .chart").first().evaluate((chart) => chart.getBoundingClientRect().width);
  expect(png.bytes.readUInt32BE(16), "sharp").toBeGreaterThan(2 * width);
  // It is a picture of bars, and not an empty one.
  const colours = await page.evaluate(async (base64) => {
    const image = new Image();
    image.src = `data:image/png;base64,${base64}`;
    await image.decode();
    const canvas = Object.assign(document.createElement("canvas"), { width: image.width, height: image.height });
    const context = canvas.getContext("2d");
    context.drawImage(image, 0, 0);
    const { data } = context.getImageData(0, 0, image.width, image.height);
    const found = new Map();
    for (let at = 0; at < data.length; at += 4) {
      const key = (data[at] << 16) | (data[at + 1] << 8) | data[at + 2];
      found.set(key, (found.get(key) ?? 0) + 1);
    }
    return [...found.values()].filter((count) => count > 500).length;
  }, png.bytes.toString("base64"));
  expect(colours, "the ground and nine series").toBeGreaterThan(9);
});

test("the states are saved, too, in the colours of the theme", async ({ page }) => {
  await page.emulateMedia({ colorScheme: "dark" });
  await open(page, "/overview/");
  const csv = await saved(page, "#connectivity", "CSV");
  expect(csv.name).toMatch(/^states_\d{4}-\d\d-\d\dT\d\d-\d\d\.csv$/);
  const counts = csv.bytes.toString().trim().split("\r\n").slice(1).map((row) => row.split(",").pop());
  expect(counts).toEqual(await page.locator("#connectivity .legend b").allTextContents());
  const svg = (await saved(page, "#connectivity", "SVG")).bytes.toString();
  expect(svg).toContain('viewBox="0 0 120 120"');
  const ground = svg.match(/<rect width="100%" height="100%" fill="#([0-9a-f]{2})/)[1];
  expect(parseInt(ground, 16), "dark").toBeLessThan(0x60);
});

test.describe("without WebAssembly", () => {
  test.use({ javaScriptEnabled: false });

  test("the legend is a form, and the CSV a link", async ({ page, fiftySite }) => {
    await page.goto(fiftySite + BY_CHARGER);
    await entry(page, "CP50").click();
    await expect(page).toHaveURL(/off=CP50/);
    await expect(page).toHaveURL(/show=chargers/);
    await expect(entry(page, "CP50")).toHaveAttribute("aria-pressed", "false");
    await expect(bars(page)).toHaveCount(9);
    await entry(page, "CP49").click();
    await expect(bars(page)).toHaveCount(8);
    const csv = await saved(page, "#energy", "CSV");
    expect(csv.bytes.toString()).toContain("CP48 (kWh)");
    expect(csv.bytes.toString()).not.toContain("CP49");
    await expect(page.getByRole("button", { name: "Download PNG" })).toBeHidden();
  });
});

test("a bar is read out by keys, and the page does not move", async ({ page }) => {
  await open(page, "/overview/");
  const plot = page.locator("#energy [data-plot]");
  const readout = page.locator("#energy .readout");
  const place = () => plot.evaluate((plot) => plot.getBoundingClientRect().top + window.scrollY);
  const before = await place();
  await plot.focus();
  await page.keyboard.press("ArrowLeft");
  await expect(readout).toHaveText(/^\d{4}-\d\d · .* kWh/);
  const last = await readout.textContent();
  await page.keyboard.press("ArrowLeft");
  await expect(readout).not.toHaveText(last);
  await page.keyboard.press("End");
  await expect(readout).toHaveText(last);
  expect(await place()).toBe(before);
  const [above, below] = await Promise.all([readout.boundingBox(), plot.boundingBox()]);
  expect(above.y + above.height, "it covers nothing").toBeLessThanOrEqual(below.y + 0.5);
  await page.keyboard.press("Escape");
  await expect(readout).toHaveText("");
});

test.describe("with a finger", () => {
  test.use({ hasTouch: true, viewport: { width: 390, height: 844 } });

  test("a finger that goes along the chart reads it out, and one that goes down scrolls", async ({ page, fiftySite }) => {
    await open(page, fiftySite + BY_CHARGER);
    const plot = page.locator("#energy [data-plot]");
    const readout = page.locator("#energy .readout");
    await plot.scrollIntoViewIfNeeded();
    const box = await plot.boundingBox();
    const client = await page.context().newCDPSession(page);
    const touch = (type, x, y) =>
      client.send("Input.dispatchTouchEvent", { type, touchPoints: type === "touchEnd" ? [] : [{ x, y }] });
    const y = box.y + box.height / 2;
    const read = [];
    await touch("touchStart", box.x + 20, y);
    for (const part of [0.2, 0.5, 0.9]) {
      await touch("touchMove", box.x + box.width * part, y);
      await expect(readout).not.toHaveText(read.at(-1) ?? "");
      read.push(await readout.textContent());
    }
    await touch("touchEnd");
    expect(new Set(read).size, "along the chart").toBe(3);
    await expect(readout, "it stays when the finger is lifted").toHaveText(read.at(-1));
    const box2 = await readout.evaluate((line) => [line.scrollHeight, line.clientHeight]);
    expect(box2[0], "all of it is seen").toBeLessThanOrEqual(box2[1]);
    // Down the page.
    const scrolled = () => page.evaluate(() => window.scrollY);
    const before = await scrolled();
    await touch("touchStart", box.x + 100, y);
    for (let step = 1; step <= 10; step += 1) await touch("touchMove", box.x + 100, y - step * 15);
    await touch("touchEnd");
    await expect.poll(scrolled).toBeGreaterThan(before);
    await page.locator("h1").first().scrollIntoViewIfNeeded();
    await page.touchscreen.tap(200, 300);
    await expect(readout, "something else was touched").toHaveText("");
  });
});

for (const [lang, locale] of [["en", "en-GB"], ["zh", "zh-CN"]]) {
  test.describe(`at 360 px in ${lang}`, () => {
    test.use({ viewport: { width: 360, height: 740 }, locale });

    test("no texts of the overview's charts collide", async ({ page, fiftySite, emptySite, site }) => {
      for (const address of [
        `${emptySite}/overview/`,
        `${site}/overview/?by=year&count=1`,
        `${site}/overview/?by=day&count=31`,
        `${site}/overview/?by=month&count=60`,
        `${fiftySite}${BY_CHARGER}`,
        `${fiftySite}/overview/?show=chargers&by=day&count=60&off=%01`,
      ]) {
        await open(page, address);
        for (const chart of [".chart", "#phases .gauges", "#energy .legend", "#connectivity .chart-frame"]) {
          for (const found of await page.locator(chart).all()) expect(await collisions(found), `${chart} of ${address}`).toEqual([]);
        }
        await expectNoSidewaysScroll(page);
      }
    });
  });
}

/** A charger whose session goes on: it offers 16 A and draws 15.6, 15.4 and 0.1 A. */
async function charging(site) {
  const charger = await new Charger(site).plugIn();
  await charger.boot();
  await charger.status("Preparing");
  const { transactionId } = await charger.start(0, now(-600_000));
  for (const minutes of [8, 6, 4, 2]) {
    await charger.meter(transactionId, 1000 - minutes * 100, [15.6, 15.4, 0.1], now(-minutes * 60_000));
  }
  return { charger, meter: (wh, amperes) => charger.meter(transactionId, wh, amperes) };
}

testChargers("gauges say what is left and the day's peak, and follow settings", async ({ openSite, page }) => {
  const { meter } = await charging(openSite);
  await open(page, `${openSite}/overview/`);
  await meter(1000, [20.5, 15.4, 0.1]);
  const gauge = page.locator("#phases .gauge").first();
  await expect(gauge.locator(".gauge-value")).toHaveText("20.5");
  const [headroom, peak] = [gauge.locator("dd").first(), gauge.locator("dd").last()];
  await expect(headroom).toHaveText("11.5 A");
  await expect(peak).toHaveText(/^20\.5 A \d\d:\d\d$/);
  await meter(1010, [6, 15.4, 0.1]);
  await expect(headroom).toHaveText("26 A");
  await expect(peak).toHaveText(/^20\.5 A/);
  await expect(gauge.locator(".peak")).toHaveCount(1);
  // Somebody changes the limit elsewhere.
  const settings = await page.context().newPage();
  await settings.goto(`${openSite}/settings/`);
  await alive(settings);
  await settings.locator("#field-max_current_a").fill("4");
  await settings.getByRole("button", { name: "Save" }).click();
  await expect(gauge.locator(".gauge-limit")).toHaveText("/ 4 A");
  await expect(headroom).toHaveText("−2 A");
});

testChargers("each charger has bars of what it draws within what it is offered", async ({ openSite, page }) => {
  const { meter } = await charging(openSite);
  await open(page, `${openSite}/devices/`);
  const line = page.locator("#currents li", { hasText: ID });
  await meter(1000, [12, 8, 0]);
  await expect(line.locator(".line-value")).toHaveText(["12", "8", "0"]);
  await expect(line.locator(".currents-head")).toContainText("16");
  const first = line.getByRole("meter", { name: "L1 · Phase A" });
  await expect(first).toHaveAttribute("aria-valuetext", /^12 A, offered 16 A/);
  const widths = await first.evaluate((bar) => ["measured", "offered"].map((name) => bar.querySelector(`.${name}`).getBoundingClientRect().width));
  expect(widths[0] / widths[1], "to scale").toBeCloseTo(12 / 16, 1);
  await page.goto(`${openSite}/details/?charger_id=${encodeURIComponent(ID)}`);
  await alive(page);
  await expect(page.locator(".lines-now .line-value")).toHaveText(["12", "8", "0"]);
  await meter(1010, [13, 8, 0]);
  await expect(page.locator(".lines-now .line-value")).toHaveText(["13", "8", "0"]);
});

testChargers("a curve has a table, files, and a read-out; nothing collides at 360 px", async ({ openSite, page }) => {
  const { meter } = await charging(openSite);
  await page.setViewportSize({ width: 360, height: 740 });
  for (const lang of ["en", "zh"]) {
    await page.context().addCookies([{ name: "lang", value: lang, url: openSite }]);
    for (const span of ["15m", "1h", "4h", "1d"]) {
      await page.goto(`${openSite}/details/?charger_id=${encodeURIComponent(ID)}&span=${span}`);
      await alive(page);
      for (const chart of await page.locator("#curve .chart").all()) expect(await collisions(chart), `${lang} ${span}`).toEqual([]);
      await expectNoSidewaysScroll(page);
    }
  }
  await page.context().addCookies([{ name: "lang", value: "en", url: openSite }]);
  await page.goto(`${openSite}/details/?charger_id=${encodeURIComponent(ID)}`);
  await alive(page);
  await meter(1000, [12, 8, 0]);
  const frame = page.locator("#curve .chart-frame").first();
  await expect(frame.locator("tbody tr").first()).toContainText("12");
  await expect(frame.locator("tbody tr")).toHaveCount(5);
  const csv = await saved(page, "#curve", "CSV");
  expect(csv.name).toMatch(/^current_SIM-001-a\.b_c_\d{4}-\d\d-\d\dT\d\d-\d\d-\d\d\.csv$/);
  const rows = csv.bytes.toString().trim().split("\r\n");
  expect(rows).toHaveLength(6);
  expect(rows.at(-1)).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d,12$/);
  const svg = await saved(page, "#curve", "SVG");
  expect(svg.bytes.toString()).toContain("vector-effect");
  await frame.locator("[data-plot]").focus();
  await page.keyboard.press("End");
  await expect(frame.locator(".readout")).toHaveText(/· 12 A$/);
});
