// Pages follow the live feed; the chargers are by a client that is not ours.

import { Charger, ID, now } from "./charger.js";
import { alive, expect, testChargers as test } from "./site.js";

test.use({ locale: "en-GB" });

const details = (site, more = "") => `${site}/details/?charger_id=${encodeURIComponent(ID)}${more}`;

const MINUTE = 60_000;

/** A charger with a running session that began some minutes ago. */
async function charging(site, minutes = 1) {
  const charger = await new Charger(site).plugIn();
  await charger.boot();
  await charger.status("Charging");
  const { transactionId } = await charger.start(0, now(-minutes * MINUTE));
  const meter = (wh, ms = 0) => charger.meter(transactionId, wh, [15.6, 15.4, 0.1], now(ms));
  return { charger, meter, transactionId };
}

/** From here on the server cannot be asked: only the feed tells. */
async function onlyTheFeed(page) {
  const asked = [];
  page.on("request", (request) => asked.push(request.url()));
  await page.route("**/fn/**", (route) => route.abort());
  return asked;
}

const sign = (page, state) => expect(page.locator(".live-sign")).toHaveAttribute("data-link", state, { timeout: 45_000 });
const property = (page, name) => page.locator("#properties tr", { hasText: name }).locator("td");

/** How many pieces the lines of the current and of the energy have. */
const pieces = (page) =>
  page.locator("#curve .curve-chart path.curve").evaluateAll((paths) => paths.map((path) => path.getAttribute("d").split("M").length - 1));
const line = (page) => page.locator("#curve .curve-chart path.curve").last().getAttribute("d");

test("fields and chart of a charger move without a request", async ({ openSite, page }) => {
  const { charger, meter } = await charging(openSite);
  await meter(100, -30_000);
  await page.goto(details(openSite));
  await alive(page);
  await expect(property(page, "Session energy")).toHaveText(/^0\.100/);
  const asked = await onlyTheFeed(page);
  let before = await line(page);
  for (const wh of [350, 900, 1450]) {
    await meter(wh);
    await expect(property(page, "Session energy")).toHaveText(new RegExp(`^${(wh / 1000).toFixed(3)}`));
    await expect.poll(() => line(page)).not.toBe(before);
    before = await line(page);
  }
  await expect(property(page, "Charging current")).toHaveText(/^16/);
  await expect(property(page, "Phases charging")).toHaveText("2");
  // What was drawn can be read out.
  await page.locator("#curve .plot").last().focus();
  await page.keyboard.press("End");
  await expect(page.locator("#curve .readout").last()).toContainText("1.45 kWh");
  expect(asked).toEqual([]);
  await charger.pullOut();
});

test("tiles, states, gauges and currents move without a request", async ({ openSite, page, context }) => {
  const { charger, meter, transactionId } = await charging(openSite);
  const devices = await context.newPage();
  await page.goto(`${openSite}/overview/`);
  await devices.goto(`${openSite}/devices/`);
  for (const each of [page, devices]) {
    await alive(each);
    await onlyTheFeed(each);
  }
  const inUse = (each) => each.locator(".tile", { hasText: "In use" }).locator(".number");
  await meter(100);
  for (const each of [page, devices]) {
    await expect(each.locator(".gauge-value").first()).toHaveText("15.6");
    await expect(inUse(each)).toHaveText("1");
  }
  await expect(devices.locator("#currents li", { hasText: ID })).toContainText("16");
  await expect(page.locator("#connectivity .legend")).toContainText("Charging");
  await charger.stop(transactionId, 200);
  await charger.status("Available");
  for (const each of [page, devices]) {
    await expect(inUse(each)).toHaveText("0");
    await expect(each.locator("#chargers, #device-list").getByText("Available").first()).toBeVisible();
  }
  await expect(page.locator("#connectivity .legend")).not.toContainText("Charging");
  await expect(devices.locator("#currents li")).toHaveCount(0);
  await charger.pullOut();
});

/** What the overview shows of sessions. */
const tile = (page, name) => page.locator(".tile", { hasText: name }).locator(".number");
const recent = (page) => page.locator("#sessions tbody tr");
const bars = (page) => page.locator("#energy svg").first().innerHTML();

test("tiles, energy chart and recent sessions move without a request as sessions begin and end", async ({ openSite, page, context }) => {
  const { charger, transactionId } = await charging(openSite, 30);
  const [byDay, devices] = [await context.newPage(), await context.newPage()];
  await page.goto(`${openSite}/overview/`);
  await byDay.goto(`${openSite}/overview/?show=chargers&by=day&count=3`);
  await devices.goto(`${openSite}/devices/`);
  const all = [page, byDay, devices];
  const overviews = [page, byDay];
  const asked = [];
  for (const each of all) {
    await alive(each);
    asked.push(await onlyTheFeed(each));
  }
  const stop = devices.locator("#device-list tr", { hasText: ID }).locator("button[value=RemoteStopTransaction]");
  const start = devices.locator("#device-list tr", { hasText: ID }).locator("button[value=RemoteStartTransaction]");
  await expect(stop).toHaveCount(1);
  for (const each of all) {
    await expect(tile(each, "Energy charged")).toHaveText("0.00");
    await expect(tile(each, "Sessions")).toHaveText("1");
  }
  const before = await Promise.all(overviews.map(bars));
  await charger.stop(transactionId, 2_500);
  await charger.status("Finishing");
  await charger.status("Available");
  for (const each of all) {
    await expect(tile(each, "Energy charged")).toHaveText("2.50");
    await expect(tile(each, "In use")).toHaveText("0");
    await expect(each.locator(".tile", { hasText: "Sessions" })).toContainText("30");
  }
  for (const [index, each] of overviews.entries()) {
    await expect(recent(each)).toHaveCount(1);
    await expect(recent(each)).toContainText(`${transactionId}`);
    await expect(recent(each)).toContainText("2.500");
    await expect(each.locator("#energy .card-total")).toContainText("2.50");
    await expect(each.locator("#energy tbody td").first()).toContainText("2.5");
    await expect.poll(() => bars(each)).not.toBe(before[index]);
  }
  await expect(byDay.locator("#energy thead")).toContainText(ID);
  await expect(start).toHaveCount(1);
  await expect(stop).toHaveCount(0);
  const next = (await charger.start(2_500)).transactionId;
  await charger.status("Charging");
  for (const each of all) await expect(tile(each, "Sessions")).toHaveText("2");
  await expect(stop).toHaveCount(1);
  await charger.stop(next, 3_250);
  await charger.status("Available");
  const shown = async (each) => [await recent(each).allInnerTexts(), await each.locator("#energy tbody").innerText()];
  for (const each of all) await expect(tile(each, "Energy charged")).toHaveText("3.25");
  for (const each of overviews) {
    await expect(recent(each)).toHaveCount(2);
    await expect(recent(each).first()).toContainText("0.750");
    await expect(each.locator("#energy .card-total")).toContainText("3.25");
  }
  expect(asked).toEqual([[], [], []]);
  // The server says the same.
  for (const each of overviews) {
    await each.locator("#energy .chart-data summary").click();
    const moved = await shown(each);
    await each.unroute("**/fn/**");
    await each.reload();
    await alive(each);
    await each.locator("#energy .chart-data summary").click();
    expect(await shown(each)).toEqual(moved);
  }
  await charger.pullOut();
});

test("a page asks once when more has ended than it was told", async ({ openSite, page }) => {
  const { charger, transactionId } = await charging(openSite);
  await page.routeWebSocket(/\/ws\/charger\/details\//, (route) => {
    const server = route.connectToServer();
    server.onMessage((message) => {
      const told = JSON.parse(message);
      if (told.type === "totals") told.ended = [];
      route.send(JSON.stringify(told));
    });
  });
  await page.goto(`${openSite}/overview/`);
  await alive(page);
  const asked = [];
  page.on("request", (request) => asked.push(request.url()));
  await charger.stop(transactionId, 2_500);
  await charger.status("Available");
  await expect(recent(page)).toContainText("2.500");
  await expect(page.locator("#energy .card-total")).toContainText("2.50");
  await expect(tile(page, "In use")).toHaveText("0");
  expect(asked.length).toBe(1);
  await charger.pullOut();
});

test("what ended while the connection was lost is there when it is back", async ({ openSite, page }) => {
  const { charger, transactionId } = await charging(openSite);
  let cut, held, goOn;
  await page.routeWebSocket(/\/ws\/charger\/details\//, async (route) => {
    await held;
    cut = () => route.close();
    route.connectToServer();
  });
  await page.goto(`${openSite}/overview/`);
  await alive(page);
  await sign(page, "connected");
  held = new Promise((resolve) => (goOn = resolve));
  const asked = [];
  page.on("request", (request) => asked.push(request.url()));
  await cut();
  await sign(page, "reconnecting");
  await charger.stop(transactionId, 2_500);
  await charger.status("Available");
  goOn();
  await sign(page, "connected");
  await expect(tile(page, "Energy charged")).toHaveText("2.50");
  await expect(recent(page)).toHaveCount(1);
  await expect(page.locator("#energy .card-total")).toContainText("2.50");
  expect(asked.length).toBe(1);
  await charger.pullOut();
});

test("what the feed does not carry is asked for once when a session ends", async ({ openSite, page }) => {
  const { charger, transactionId } = await charging(openSite);
  await page.goto(details(openSite));
  await alive(page);
  const ended = page.locator("#events", { hasText: `Session ${transactionId} ended` });
  await expect(ended).toHaveCount(0);
  const asked = [];
  page.on("request", (request) => asked.push(request.url()));
  await charger.stop(transactionId, 2_500);
  await charger.status("Finishing");
  await charger.status("Available");
  await expect(ended).toHaveCount(1);
  await expect(property(page, "Energy in total")).toHaveText(/^2\.50/);
  expect(asked.length).toBe(1);
  await charger.pullOut();
});

test("stored values fill each span of the chart, and gaps are gaps", async ({ openSite, page }) => {
  const { charger, meter } = await charging(openSite, 20 * 60);
  for (const minutes of [10 * 60, 10 * 60 - 1, 3 * 60, 3 * 60 - 1, 50, 49, 30, 29, 6, 5, 1]) {
    await meter(10_000 - minutes, -minutes * MINUTE);
  }
  for (const [span, name, count] of [
    ["", "15 min", 1 + 1],
    ["1h", "1 h", 3 + 1],
    ["4h", "4 h", 4 + 1],
    ["1d", "1 day", 5],
  ]) {
    await page.goto(details(openSite, span && `&span=${span}`));
    await expect(page.locator("#curve .segmented [aria-current]")).toHaveText(name);
    // The last value stands alone, unless the span is so long that its gaps are longer.
    await expect.poll(() => pieces(page), { message: name }).toEqual([count, count]);
  }
  await charger.pullOut();
});

test("the time without contact stays a gap in the lines", async ({ openSite, page }) => {
  const { charger, meter, transactionId } = await charging(openSite);
  await meter(100, -40_000);
  await meter(200, -20_000);
  await page.goto(details(openSite));
  await alive(page);
  await expect.poll(() => pieces(page)).toEqual([1, 1]);
  await charger.pullOut();
  await expect(page.locator(".page-head .out-of-contact")).toBeVisible();
  const again = await new Charger(openSite).plugIn();
  await again.meter(transactionId, 300, [15, 15, 0]);
  await expect(property(page, "Session energy")).toHaveText(/^0\.300/);
  await expect.poll(() => pieces(page)).toEqual([2, 2]);
  // The server knows it as well as the page that saw it.
  await page.reload();
  await alive(page);
  await expect.poll(() => pieces(page)).toEqual([2, 2]);
  await again.pullOut();
});

test("a charger that measures each five minutes has a line, and not dashes", async ({ openSite, page }) => {
  const { charger, meter } = await charging(openSite, 60);
  for (const minutes of [50, 45, 40, 20, 15, 10, 5, 0]) await meter(10_000 - minutes, -minutes * MINUTE);
  await page.goto(details(openSite, "&span=1h"));
  await expect.poll(() => pieces(page)).toEqual([2, 2]);
  await charger.pullOut();
});

test("a session that ends before the page is alive is told to it", async ({ openSite, page }) => {
  const { charger, transactionId } = await charging(openSite);
  const asked = await onlyTheFeed(page);
  await page.routeWebSocket(/\/ws\/charger\/details\//, async (route) => {
    await charger.stop(transactionId, 2_500);
    await charger.status("Available");
    route.connectToServer();
  });
  await page.goto(`${openSite}/overview/`);
  await alive(page);
  await expect(tile(page, "Energy charged")).toHaveText("2.50");
  await expect(recent(page)).toContainText("2.500");
  expect(asked.filter((url) => url.includes("/fn/"))).toEqual([]);
  await charger.pullOut();
});

test("the sign says when the server is gone, and the state is right when it is back", async ({ server, page }) => {
  const { charger } = await charging(server.address);
  await page.goto(details(server.address));
  await alive(page);
  const state = page.locator("#properties .badge");
  await expect(state).toHaveText("Charging");
  await server.kill();
  await sign(page, "reconnecting");
  await expect(page.locator(".live-sign .live-age")).toHaveText(/now|ago/);
  // What is known stays.
  await expect(state).toHaveText("Charging");
  await charger.pullOut();
  await server.restart();
  const again = await new Charger(server.address).plugIn();
  await again.boot();
  await again.status("Faulted");
  await sign(page, "connected");
  await expect(state).toHaveText("Faulted");
  await expect(page.getByText("No connection")).toHaveCount(0);
  await again.pullOut();
});

test("what is shown is said to be old when the server does not answer any more", async ({ server, page }) => {
  const { charger, meter } = await charging(server.address);
  await page.goto(details(server.address));
  await alive(page);
  server.freeze();
  await sign(page, "stale");
  await expect(page.locator(".live-sign")).toHaveText(/Stale\s*\d+.*ago/);
  await expect(page.locator(".live-sign [role=status]")).toHaveText("Stale");
  await expect(page.locator(".note")).toContainText("The server cannot be reached");
  await expect(page.locator("#properties .badge")).toHaveText("Charging");
  await page.locator("[data-do=lang]").click();
  await expect(page.locator(".live-sign")).toHaveText(/数据已过时\s*\d+.*前/);
  server.thaw();
  await sign(page, "connected");
  await expect(page.locator(".note")).toHaveCount(0);
  await meter(700);
  await expect(page.locator("#properties")).toContainText("0.700");
  await charger.pullOut();
});

test("after a missing message the feed is begun anew", async ({ openSite, page }) => {
  const { charger } = await charging(openSite);
  let connections = 0;
  let isLossy = false;
  await page.routeWebSocket(/\/ws\/charger\/details\//, (route) => {
    connections += 1;
    const server = route.connectToServer();
    server.onMessage((message) => {
      if (isLossy && message.includes('"Faulted"')) isLossy = false;
      else route.send(message);
    });
  });
  await page.goto(details(openSite));
  await alive(page);
  expect(connections).toBe(1);
  isLossy = true;
  await charger.status("Faulted");
  // The next message, whatever it tells, comes with a number too high.
  await expect.poll(() => connections, { timeout: 30_000 }).toBe(2);
  await expect(page.locator("#properties .badge")).toHaveText("Faulted");
  await sign(page, "connected");
  await charger.pullOut();
});
