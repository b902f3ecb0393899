// Pages while chargers charge and each tells something new every second.
//
//   live.js BROWSER ADDRESS CHARGERS SECONDS
//
// Prints a line of JSON for each page: frames a second, the longest frame and the longest task, ms, tasks of more than 50 ms, and how
// often the page has changed, each second. The site must take in unknown charge points.

import WebSocket from "ws";
import { withBrowser } from "./browser.js";

const [executable, address, chargers, seconds] = process.argv.slice(2);
const PAGES = ["overview", "devices"];
const SECOND = 1000;

/** A charge point that charges. */
class Charger {
  constructor(number) {
    this.id = `LIVE${String(number).padStart(4, "0")}`;
    this.wh = 0;
    this.asked = new Map();
    this.socket = new WebSocket(`${address.replace("http", "ws")}/ocpp/${this.id}`, ["ocpp1.6"]);
    this.socket.on("message", (data) => {
      const [type, id, payload] = JSON.parse(data);
      if (type === 3) this.asked.get(id)?.(payload);
      else if (type === 2) this.socket.send(JSON.stringify([4, id, "NotSupported", "", {}]));
      this.asked.delete(id);
    });
  }

  ask(action, payload) {
    const id = String(Math.random());
    return new Promise((resolve) => {
      this.asked.set(id, resolve);
      this.socket.send(JSON.stringify([2, id, action, payload]));
    });
  }

  async begin() {
    await new Promise((resolve, reject) => this.socket.once("open", resolve).once("error", reject));
    await this.ask("BootNotification", { chargePointVendor: "BMW", chargePointModel: "EVC32N" });
    const timestamp = new Date().toISOString();
    const start = { connectorId: 1, idTag: "LIVE", meterStart: 0, timestamp };
    ({ transactionId: this.transaction } = await this.ask("StartTransaction", start));
    await this.ask("StatusNotification", { connectorId: 1, status: "Charging", errorCode: "NoError", timestamp });
  }

  /** Something new: more energy, and another current. */
  tell() {
    this.wh += 5;
    const current = (phase) => ({
      measurand: "Current.Import",
      phase,
      unit: "A",
      value: (10 + Math.random() * 6).toFixed(1),
    });
    const energy = { measurand: "Energy.Active.Import.Register", unit: "Wh", value: String(this.wh) };
    const sampledValue = [energy, ...["L1", "L2", "L3"].map(current)];
    const meterValue = [{ timestamp: new Date().toISOString(), sampledValue }];
    return this.ask("MeterValues", { connectorId: 1, transactionId: this.transaction, meterValue });
  }
}

/** In the page: how its frames and tasks go for a while. */
function watch(ms) {
  return new Promise((resolve) => {
    const tasks = [];
    new PerformanceObserver((list) => tasks.push(...list.getEntries().map(({ duration }) => duration))).observe({
      type: "longtask",
    });
    let changes = 0;
    new MutationObserver(() => (changes += 1)).observe(document.querySelector("main"), {
      subtree: true,
      childList: true,
      characterData: true,
      attributes: true,
    });
    const begin = performance.now();
    let [last, longest, frames] = [begin, 0, 0];
    const frame = (now) => {
      longest = Math.max(longest, now - last);
      [last, frames] = [now, frames + 1];
      if (now - begin < ms) requestAnimationFrame(frame);
      else resolve({ frames: frames / ((now - begin) / 1000), longest, tasks, changes: changes / ((now - begin) / 1000) });
    };
    requestAnimationFrame(frame);
  });
}

const all = Array.from({ length: Number(chargers) }, (_, number) => new Charger(number));
await Promise.all(all.map((charger) => charger.begin()));
// Evenly over the second.
const timers = [];
all.forEach((charger, number) => {
  const begin = () => timers.push(setInterval(() => charger.tell(), SECOND));
  timers.push(setTimeout(begin, (number * SECOND) / all.length));
});
await withBrowser(executable, async (browser) => {
  for (const name of PAGES) {
    const page = await browser.newPage();
    await page.setViewport({ width: 1440, height: 900 });
    await page.goto(`${address}/${name}/`);
    await page.waitForSelector(".live-sign[data-link=connected]");
    const { frames, longest, tasks, changes } = await page.evaluate(watch, Number(seconds) * SECOND);
    console.log(
      JSON.stringify({
        page: name,
        frames: Number(frames.toFixed(1)),
        longest_frame: Math.round(longest),
        long_tasks: tasks.length,
        longest_task: Math.round(Math.max(0, ...tasks)),
        changes: Number(changes.toFixed(1)),
      }),
    );
    await page.close();
  }
});
for (const timer of timers) clearTimeout(timer);
for (const { socket } of all) socket.close();
