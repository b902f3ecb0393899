// A short set of journeys in Firefox, by WebDriver. All others are in Chromium, see tests/.
//
//   firefox.js        BMW_TEST_BINARY       the program
//                     BMW_TEST_FIREFOX      the browser
//                     BMW_TEST_GECKODRIVER  what drives it

import assert from "node:assert/strict";
import { Firefox } from "./firefox/driver.js";
import { Charger, ID } from "./tests/charger.js";
import { ACCOUNT, livePages, stillPages, useSite } from "./tests/site.js";

const isLive = () => document.querySelector(".live-sign")?.dataset.link === "connected";
const alive = (firefox) => firefox.until("the page goes live", isLive);
const attribute = (firefox, selector, name, wanted) =>
  firefox.until(
    `${selector} has ${name} ${wanted}`,
    (selector, name, wanted) => document.querySelector(selector)?.getAttribute(name) === wanted,
    selector,
    name,
    wanted,
  );

async function signIn(firefox, site) {
  await firefox.open(`${site}/log_in/?next=/overview/`);
  await firefox.type("input[name=username]", ACCOUNT.username);
  await firefox.type("input[name=password]", ACCOUNT.password, "Enter");
  await alive(firefox);
}

const JOURNEYS = {
  "one signs in": async (firefox, site) => {
    await firefox.open(`${site}/records/`);
    await alive(firefox);
    await firefox.click(".topbar-account", "Sign in");
    await firefox.type("input[name=username]", ACCOUNT.username);
    await firefox.type("input[name=password]", "wrong", "Enter");
    await firefox.see("[role=alert]", "Name or password is wrong.");
    await signIn(firefox, site);
    await firefox.see(".topbar-account", ACCOUNT.username);
  },
  "every page opens and goes live": async (firefox, site) => {
    for (const { path, en } of livePages) {
      await firefox.open(site + path);
      await firefox.see("h1", en);
      await alive(firefox);
    }
    for (const { path, en } of stillPages.filter(({ path }) => path !== "/log_in/")) {
      await firefox.open(site + path);
      await firefox.see("h1", en);
    }
  },
  "pages lead to each other without reload": async (firefox, site) => {
    await firefox.open(`${site}/overview/`);
    await alive(firefox);
    await firefox.run(() => (window.isTheSameDocument = true));
    for (const name of ["Devices", "Details", "Records", "Settings"]) {
      await firefox.click(".rail-link", name);
      await firefox.see("h1", name);
    }
    assert.equal(await firefox.run(() => window.isTheSameDocument), true);
  },
  "language and theme switch at once": async (firefox, site) => {
    await firefox.open(`${site}/devices/`);
    await alive(firefox);
    await firefox.click("[data-do=lang]");
    await firefox.see("h1", "电桩");
    await firefox.click("[data-do=lang]");
    await firefox.see("h1", "Devices");
    await firefox.click("[data-do=theme]");
    await attribute(firefox, "html", "data-theme", "light");
    await firefox.click("[data-do=theme]");
    await attribute(firefox, "html", "data-theme", "dark");
    const [red] = (await firefox.run(() => getComputedStyle(document.body.parentElement).backgroundColor)).match(/[\d.]+/g);
    assert(Number(red) < 60, "a dark ground");
    await firefox.click("[data-do=theme]");
  },
  "a chart is read out by keys": async (firefox, site) => {
    await firefox.open(`${site}/overview/`);
    await alive(firefox);
    await firefox.type("#energy .plot", "End");
    await firefox.see("#energy .readout", "kWh");
    const newest = await firefox.run(() => document.querySelector("#energy .readout").textContent);
    await firefox.type("#energy .plot", "Left");
    const isOther = (newest) => !document.querySelector("#energy .readout").textContent.includes(newest);
    await firefox.until("another value is read out", isOther, newest);
  },
  "a charger obeys an order, and the page sees it": async (firefox, site) => {
    const charger = await new Charger(site).plugIn();
    await charger.boot();
    await charger.status("Available");
    await firefox.open(`${site}/details/?charger_id=${encodeURIComponent(ID)}`);
    await alive(firefox);
    await firefox.click(".page-head button", "Start");
    await charger.toBeAsked("RemoteStartTransaction");
    const { transactionId } = await charger.start(0);
    await charger.status("Charging");
    await firefox.see("#properties .badge", "Charging");
    await firefox.see(".command-log tbody tr", "Effect seen");
    await charger.stop(transactionId, 1_500);
    await charger.status("Available");
    await firefox.see("#properties .badge", "Available");
    await charger.pullOut();
  },
  "a setting is checked while it is typed, and saved": async (firefox, site) => {
    await firefox.open(`${site}/settings/`);
    await alive(firefox);
    await firefox.type("#field-max_current_b", "x");
    await firefox.see("[role=alert]", "Maximum current, phase B");
    await firefox.click("[data-do=discard]");
    await firefox.type("#field-max_current_b", "1");
    await firefox.click(".form-bar button", "Save");
    await firefox.see(".said", "Maximum current, phase B");
  },
  "a session opens in a dialog, and closes": async (firefox, site) => {
    await firefox.open(`${site}/records/?state=finished`);
    await alive(firefox);
    await firefox.click("#records tbody th a");
    await firefox.find("dialog:modal");
    await firefox.click("dialog [data-do=close]");
    await firefox.until("the dialog is gone", () => document.querySelector("dialog") === null);
  },
  "a phone scrolls nothing sideways": async (firefox, site) => {
    await firefox.inWindow(390, 844, async () => {
      for (const { path, en } of [...livePages, ...stillPages]) {
        await firefox.open(site + path);
        if (path !== "/log_in/") await firefox.see("h1", en);
        const [content, width] = await firefox.run(() => [document.documentElement.scrollWidth, innerWidth]);
        assert.equal(width, 390);
        assert(content <= width, `${path} is ${content} px wide`);
      }
    });
  },
};

const { BMW_TEST_FIREFOX: browser, BMW_TEST_GECKODRIVER: geckodriver } = process.env;
const firefox = await Firefox.start({ geckodriver, firefox: browser });
console.log(`Firefox ${firefox.version}`);
const failed = [];
try {
  await useSite(
    async (site) => {
      for (const [name, journey] of Object.entries(JOURNEYS)) {
        const begin = Date.now();
        const error = await journey(firefox, site).then(() => null, (error) => error);
        console.log(`  ${error ? "✘" : "✓"} ${name} (${((Date.now() - begin) / 1000).toFixed(1)} s)`);
        if (error) {
          failed.push(name);
          console.log(error.stack);
        }
      }
    },
    { BMW_REGISTER_UNKNOWN: "true" },
    ["demo"],
  );
} finally {
  await firefox.end();
}
console.log(`${Object.keys(JOURNEYS).length - failed.length} journeys passed in Firefox, ${failed.length} failed`);
process.exit(failed.length > 0 ? 1 : 0);
