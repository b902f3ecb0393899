// A demo site on a server of its own for each worker, and a page that is signed in and tells what its console said.

import { test as base, expect } from "@playwright/test";
import { spawn, execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const binary = process.env.BMW_TEST_BINARY;

/** The administrator of every site. */
export const ACCOUNT = { username: "admin", password: "kF9-wuz2-pQx-7" };

/** Makes the administrator of a site. */
function addAccount(env) {
  const options = { env, input: `${ACCOUNT.password}\n`, stdio: "pipe" };
  execFileSync(binary, ["createsuperuser", "--username", ACCOUNT.username, "--password-stdin"], options);
}

/** By origin: the cookies of the administrator's browser, and the headers of his programs. */
const cookies = new Map();
const headers = new Map();

const form = () => ({ method: "POST", body: new URLSearchParams(ACCOUNT), redirect: "manual" });

/** What a program sends along that may everything. */
export async function authorized(site) {
  const { origin } = new URL(site);
  if (!headers.has(origin)) {
    const answer = await fetch(`${origin}/api-token-auth/`, form());
    expect(answer.status, "a token is given").toBe(200);
    headers.set(origin, { Authorization: `Bearer ${(await answer.json()).token}` });
  }
  return headers.get(origin);
}

/** Says whether the site's current is distributed, and how much there is on each phase, A. */
export async function distribute(site, isOn, limit) {
  const headers = { ...(await authorized(site)), "content-type": "application/json" };
  const settings = await (await fetch(`${site}/api/basic/settings/`, { headers })).json();
  const limits = limit === undefined ? {} : { intmaxcurrenta: limit, intmaxcurrentb: limit, intmaxcurrentc: limit };
  const body = JSON.stringify({ ...settings, ...limits, blncurrentdistribution: Number(isOn) });
  const answer = await fetch(`${site}/api/basic/settings/`, { method: "POST", headers, body });
  expect(answer.status, "the settings are saved").toBe(200);
}

/** Whether the administrator's cookies still hold. A site out of reach cannot be asked: there they do. */
async function isSignedIn(origin) {
  const known = cookies.get(origin);
  if (!known) return false;
  const cookie = known.map(({ name, value }) => `${name}=${value}`).join("; ");
  try {
    const answer = await fetch(`${origin}/account/`, { headers: { cookie }, redirect: "manual" });
    await answer.arrayBuffer();
    return answer.status === 200;
  } catch {
    return true;
  }
}

/** Signs a browser in as the administrator. */
export async function signIn(context, site) {
  const { origin } = new URL(site);
  // A journey may have signed it out.
  if (!(await isSignedIn(origin))) {
    const answer = await fetch(`${origin}/log_in/`, form());
    expect(answer.status, "signed in").toBe(303);
    const given = answer.headers.getSetCookie().map((cookie) => cookie.split(";")[0].split("="));
    cookies.set(
      origin,
      given.map(([name, value]) => ({ name, value, url: origin, httpOnly: true, sameSite: "Lax" })),
    );
  }
  await context.addCookies(cookies.get(origin));
}

/** Wherever the page goes, it is signed in. */
async function signedIn({ page, baseURL }, use) {
  const goto = page.goto.bind(page);
  page.goto = async (address, options) => {
    await signIn(page.context(), new URL(address, baseURL).origin);
    return goto(address, options);
  };
  await use(page);
}

/** Serves a database. */
export async function serve(database, extra = {}, listen = "127.0.0.1:0") {
  // Nobody connects the chargers of the demo: after a few minutes all of them would be alerts.
  const quiet = { BMW_ALERT_OFFLINE_AFTER: "86400" };
  const environment = { ...process.env, BMW_DATABASE_URL: database, BMW_TIMEZONE: "Asia/Shanghai", ...quiet, ...extra };
  const server = spawn(binary, ["serve", "--listen", listen], { env: environment });
  const gone = new Promise((resolve) => server.once("exit", resolve));
  let said = "";
  const address = await new Promise((resolve, reject) => {
    const listen = (chunk) => {
      said += chunk;
      const found = said.match(/listening on (http:\/\/\S+)/);
      if (found) resolve(found[1].replace(/\/$/, ""));
    };
    server.stdout.on("data", listen);
    server.stderr.on("data", listen);
    gone.then(() => reject(new Error(`the server ended: ${said}`)));
  });
  return {
    address,
    end: async () => {
      server.kill("SIGTERM");
      await gone;
    },
    // Without a word.
    kill: async () => {
      server.kill("SIGKILL");
      await gone;
    },
    // It stops answering, with all its connections open, and goes on.
    freeze: () => server.kill("SIGSTOP"),
    thaw: () => server.kill("SIGCONT"),
  };
}

/** Makes a database by these commands, with the administrator. */
export function prepared(folder, name, ...commands) {
  return preparedBy({}, folder, name, ...commands);
}

function preparedBy(environment, folder, name, ...commands) {
  const database = `sqlite://${join(folder, name)}`;
  const env = { ...process.env, BMW_DATABASE_URL: database, BMW_TIMEZONE: "Asia/Shanghai", ...environment };
  for (const command of commands) execFileSync(binary, command, { env, stdio: "pipe" });
  addAccount(env);
  return database;
}

/** A site file of fifty chargers. */
function fifty() {
  const chargers = Array.from({ length: 50 }, (_, index) => `CP${String(index + 1).padStart(2, "0")}`);
  const records = [];
  for (let day = 0; day < 60; day += 1) {
    const date = new Date(Date.now() - (day + 1) * 86_400_000).toISOString().slice(0, 10);
    chargers.forEach((vchchargerid, index) => {
      records.push({
        intrecordid: records.length + 1,
        intchargingcode: day + 1,
        vchchargerid,
        dttstartqueue: `${date}T08:00:00`,
        dttstarttime: `${date}T08:00:00`,
        dttfinishtime: `${date}T10:00:00`,
        dttrealfinish: `${date}T10:00:00`,
        dblenergy: index + 1,
        vchcardid: "CARD",
      });
    });
  }
  return { chargers: chargers.map((vchchargerid) => ({ vchchargerid, vchmodelid: "" })), charging_records: records };
}

export const test = base.extend({
  folder: [
    async ({}, use) => {
      const folder = mkdtempSync(join(tmpdir(), "bmw-end2end-"));
      await use(folder);
      rmSync(folder, { recursive: true });
    },
    { scope: "worker" },
  ],
  // A site with three years behind it.
  site: [
    async ({ folder }, use) => {
      const server = await serve(prepared(folder, "demo.db", ["demo"]));
      await use(server.address);
      await server.end();
    },
    { scope: "worker" },
  ],
  // A site of fifty chargers that have charged for sixty days, each more than the one before.
  fiftySite: [
    async ({ folder }, use) => {
      const file = join(folder, "fifty.json");
      writeFileSync(file, JSON.stringify(fifty()));
      const server = await serve(prepared(folder, "fifty.db", ["import", file]));
      await use(server.address);
      await server.end();
    },
    { scope: "worker" },
  ],
  // A site without anything.
  emptySite: [
    async ({ folder }, use) => {
      const server = await serve(prepared(folder, "empty.db", ["migrate"]));
      await use(server.address);
      await server.end();
    },
    { scope: "worker" },
  ],
  // A site with three years behind it, whose chargers are software and go on.
  simulated: [
    async ({ folder }, use) => {
      const server = await serve(prepared(folder, "simulated.db", ["demo"]), { BMW_SIMULATOR: "true" });
      await use(server.address);
      await server.end();
    },
    { scope: "worker" },
  ],
  baseURL: async ({ site }, use) => use(site),
  page: signedIn,
  // Fails the test when the console says anything, or when a request leaves the site.
  quiet: [
    async ({ page }, use) => {
      const said = [];
      page.on("console", (message) => {
        // Our configuration says that, and Playwright that it does as it is told.
        if (message.text() === "Service Worker registration blocked by Playwright") return;
        if (["error", "warning"].includes(message.type())) said.push(`${message.type()}: ${message.text()}`);
      });
      page.on("pageerror", (error) => said.push(`exception: ${error.message}`));
      page.on("request", (request) => {
        const host = new URL(request.url()).hostname;
        if (host && host !== "127.0.0.1") said.push(`a request to ${host}`);
      });
      await use(said);
      expect(said, "the console stays quiet").toEqual([]);
    },
    { auto: true },
  ],
});

/** A site of its own for each test, for charge points. */
export const testChargers = base.extend({
  page: signedIn,
  // Takes in whoever comes.
  openSite: async ({}, use) => useSite(use, { BMW_REGISTER_UNKNOWN: "true" }),
  // The same, as a server that can be killed, started again and frozen.
  server: async ({}, use) => {
    const folder = mkdtempSync(join(tmpdir(), "bmw-server-"));
    const database = prepared(folder, "site.db");
    const start = (listen) => serve(database, { BMW_REGISTER_UNKNOWN: "true" }, listen);
    const server = await start();
    server.restart = async () => Object.assign(server, await start(new URL(server.address).host));
    await use(server);
    server.thaw();
    await server.end();
    rmSync(folder, { recursive: true });
  },
  // Knows nobody.
  strictSite: async ({}, use) => useSite(use, {}),
});

/** Serves a site of its own while a test runs, filled by these commands. */
export async function useSite(use, environment, ...commands) {
  const folder = mkdtempSync(join(tmpdir(), "bmw-chargers-"));
  const server = await serve(preparedBy(environment, folder, "site.db", ...commands), environment);
  await use(server.address);
  await server.end();
  rmSync(folder, { recursive: true });
}

export { expect };

/** Opens a page and waits until it is alive: hydrated, and following the feed. */
export async function open(page, path) {
  await page.goto(path);
  await alive(page);
}

export async function alive(page) {
  await expect(page.locator(".live-sign")).toHaveAttribute("data-link", "connected");
}

/** Marks the document, so that a reload can be noticed. */
export async function mark(page) {
  await page.evaluate(() => {
    window.isTheSameDocument = true;
  });
}

export async function expectNoReload(page) {
  expect(await page.evaluate(() => window.isTheSameDocument === true), "no reload").toBe(true);
}

export async function expectNoSidewaysScroll(page) {
  const [content, width] = await page.evaluate(() => [
    document.documentElement.scrollWidth,
    document.documentElement.clientWidth,
  ]);
  expect(content, "nothing is wider than the screen").toBeLessThanOrEqual(width);
  expect(await page.evaluate(beyondTheirCards), "what is typed in and pressed stays inside its card").toEqual([]);
}

/** The controls that reach over the edge of their card, but for those inside of what is scrolled. */
function beyondTheirCards() {
  const isScrolled = (element, card) =>
    element !== card && (getComputedStyle(element).overflowX !== "visible" || isScrolled(element.parentElement, card));
  // Of one without a border its text is what is seen.
  const inner = (element) => element.getBoundingClientRect().right - parseFloat(getComputedStyle(element).paddingRight);
  const edge = (control) =>
    getComputedStyle(control).borderRightWidth === "0px" ? inner(control) : control.getBoundingClientRect().right;
  const reachesOut = (control, card) => edge(control) > inner(card) + 1;
  return [...document.querySelectorAll(".card")].flatMap((card) =>
    [...card.querySelectorAll("input, select, button, a.button")]
      .filter((control) => control.checkVisibility() && !isScrolled(control, card) && reachesOut(control, card))
      .map((control) => `#${card.id} ${control.tagName} ${control.name || control.textContent.trim()}`),
  );
}

/** Also what takes no time takes a frame: until then colours are those of before. */
export function framed() {
  return new Promise((next) => requestAnimationFrame(() => requestAnimationFrame(() => next())));
}

/** The pages of the navigation. */
export const pages = [
  { path: "/overview/", zh: "总览", en: "Overview" },
  { path: "/devices/", zh: "电桩", en: "Devices" },
  { path: "/details/", zh: "详情", en: "Details" },
  { path: "/records/", zh: "记录", en: "Records" },
  { path: "/settings/", zh: "设置", en: "Settings" },
];

/** Pages that WebAssembly brings to life, beside those of the navigation. */
export const livePages = [
  ...pages,
  { path: "/cards/", zh: "卡", en: "Cards" },
  { path: "/alerts/", zh: "告警", en: "Alerts" },
  { path: "/distribution/", zh: "负载均衡", en: "Distribution" },
];

/** Pages that are links and forms alone. */
export const stillPages = [
  { path: "/log_in/", zh: "登录", en: "Sign in" },
  { path: "/account/", zh: "我的账户", en: "My account" },
  { path: "/users/", zh: "用户", en: "Users" },
  { path: "/audit/", zh: "操作日志", en: "Audit log" },
  { path: "/charger_password/?charger_id=10245006", zh: "电桩密码", en: "Password of the charger" },
  { path: "/qr_codes/", zh: "二维码", en: "QR codes" },
  { path: "/device/", zh: "本机", en: "On this device" },
];
