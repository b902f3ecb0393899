// The service worker: it shows the site as it was last known while the network is gone, and notifications where pages may not.
//
// Each page that somebody looks at is asked for once more, without what is sensitive (the header below says so to the
// server), and kept with the files that it names and the time, which is written into it: the page counts its age from that.
// What is kept is of one account in one language, and a cache has its name of both: when another one comes, or nobody any
// more, all else goes. Of the documented interface, the live feed, forms and downloads nothing passes through here.

/** The pages that are kept. Those about accounts, cards and the audit log are not. */
const PAGES = ["overview", "devices", "details", "records", "settings"];
/** What is shown in the place of a page that was never kept. */
const OFFLINE = "/offline/";
/** By this the server leaves out what not everybody may see. */
const WITHOUT_SENSITIVE = { accept: "text/html", "bmw-keep": "1" };
/** How many pages are kept, and for how long, ms. */
const MOST = 40;
const LONGEST = 7 * 24 * 3600 * 1000;
/** How old what is kept of a page may be that is being looked at, ms. */
const FRESH = 60 * 1000;
/** After how long without an answer what is kept is shown, ms. */
const PATIENCE = 5000;

/** Counts up when all is forgotten: what was asked for before is not kept afterwards. */
let era = 0;

// A new version takes over at once: files have names of their content, and a page that stays open asks for its own.
self.addEventListener("install", () => self.skipWaiting());
self.addEventListener("activate", (event) => event.waitUntil(begin()));

self.addEventListener("fetch", (event) => {
  const { method, mode, url } = event.request;
  const { origin, pathname, search, searchParams } = new URL(url);
  if (origin !== self.location.origin) return;
  // To sign in or out, whatever comes of it.
  if (method === "POST" && pathname.startsWith("/log_")) event.waitUntil(forget());
  if (method !== "GET") return;
  if (mode === "navigate" && isPage(pathname)) {
    event.respondWith(page(event, address(pathname, search)));
  } else if (pathname === "/fn/page") {
    const query = searchParams.get("query");
    event.respondWith(data(event, address(`/${searchParams.get("page")}/`, query && `?${query}`)));
  } else if (pathname.startsWith("/pkg/")) {
    event.respondWith(file(event.request));
  }
});

// A page has something to tell of which its browser lets pages show nothing.
self.addEventListener("message", (event) => {
  const [title, options] = event.data;
  event.waitUntil(self.registration.showNotification(title, options));
});

self.addEventListener("notificationclick", (event) => {
  event.notification.close();
  event.waitUntil(showAlerts());
});

/** Shows the alerts: in a window that is open, or in a new one. */
async function showAlerts() {
  const [open] = await self.clients.matchAll({ type: "window" });
  if (!open) return self.clients.openWindow("/alerts/");
  await open.focus();
  return open.navigate("/alerts/");
}

/** Whether a path is that of a page of the interface: downloads do not end with a slash. */
const isPage = (path) => path.endsWith("/") && !/^\/(api|bmw|ws|ocpp|fn|pkg)\//.test(path);

/** What a page is kept by; nothing for those that are not kept. */
function address(path, search) {
  const name = path === "/" ? "overview" : path.slice(1, -1);
  return PAGES.includes(name) ? `/${name}/${search ?? ""}` : undefined;
}

/** Who is not let in is led to the sign-in, or told so. */
const isRefused = (answer) => answer.type === "opaqueredirect" || [401, 403].includes(answer.status);

/** Those who were here before see to it that what they look at is kept. */
async function begin() {
  await self.clients.claim();
  const windows = (await self.clients.matchAll({ type: "window" })).map(({ url }) => new URL(url));
  const shown = windows.map(({ pathname, search }) => isPage(pathname) && address(pathname, search));
  await Promise.all(shown.filter(Boolean).map(keep));
}

/** A page: from the network; without one, or where it takes too long, as it is kept. */
async function page(event, address) {
  const network = fetch(event.request);
  const late = new Promise((resolve) => setTimeout(resolve, PATIENCE)).then(() => kept(address));
  try {
    const answer = (await Promise.race([network, late])) ?? (await network);
    if (answer.headers.has("kept")) return answer;
    if (address && isRefused(answer)) event.waitUntil(forget());
    else if (address && answer.ok) event.waitUntil(keep(address));
    // A proxy says so whose site is gone.
    if (![502, 504].includes(answer.status)) return answer;
  } catch {
    // There is no network.
  }
  return (await kept(address)) ?? (await caches.match(OFFLINE)) ?? Response.error();
}

/** What a page asks for while it is open: never from here, but it tells what is being looked at. */
async function data(event, address) {
  const answer = await fetch(event.request);
  if (isRefused(answer)) event.waitUntil(forget());
  else if (address && answer.ok) event.waitUntil(keepAnew(address));
  return answer;
}

async function keepAnew(address) {
  const known = await kept(address);
  if (!known || Date.now() - time(known) > FRESH) await keep(address);
}

/** A file of the bundle, of this version or of the one that a kept page is of. */
async function file(request) {
  return (await caches.match(request.url)) ?? fetch(request);
}

/** A page as it is kept, if it is not too old. */
async function kept(address) {
  const answer = address && (await caches.match(address));
  return answer && Date.now() - time(answer) < LONGEST ? answer : undefined;
}

/** When what is kept was asked for, ms since 1970. */
const time = (answer) => Number(answer.headers.get("kept"));

/** The files that what is kept needs. */
const files = (answer) => answer.headers.get("files").split(" ").filter(Boolean);

/** What is being kept. One after the other: the files of one must not be tidied away for another. */
let turn = Promise.resolve();

/** Asks for a page and keeps it. */
function keep(address) {
  const now = () => keepNow(address);
  turn = turn.then(now, now);
  return turn;
}

/** Keeps a page for the account and in the language that it is of. */
async function keepNow(address) {
  const asked = era;
  const taken = await take(address);
  if (!taken || asked !== era) return;
  const cache = await caches.open(taken.owner);
  await others(taken.owner);
  await put(cache, address, taken.answer, asked);
  const offline = await cache.match(OFFLINE);
  const isOfThis = offline && files(offline).every((file) => files(taken.answer).includes(file));
  const anew = isOfThis ? undefined : await take(OFFLINE);
  if (anew) await put(cache, OFFLINE, anew.answer, asked);
  await tidy(cache);
}

/** A page as it can be kept, and whose it is; nothing where there is no answer, or no good one. */
async function take(address) {
  const now = Date.now();
  const answer = await fetch(address, { headers: WITHOUT_SENSITIVE, redirect: "manual" }).catch(() => undefined);
  if (answer && isRefused(answer)) await forget();
  if (!answer?.ok) return undefined;
  const text = await answer.text();
  const root = text.match(/<html[^>]*>/)[0];
  const [lang, account] = ["lang", "data-account"].map((name) => root.match(` ${name}="([^"]*)"`)?.[1] ?? "");
  const headers = new Headers({ kept: now, files: [...new Set(text.match(/\/pkg\/[\w.-]+/g))].join(" ") });
  for (const name of ["content-type", "content-security-policy", "x-content-type-options", "referrer-policy"]) {
    headers.set(name, answer.headers.get(name));
  }
  const marked = text.replace("<html", `<html data-kept="${now}"`);
  return { owner: `bmw ${lang} ${account}`, answer: new Response(marked, { headers }) };
}

/** Keeps a page after its files: one without them would be none. */
async function put(cache, address, answer, asked) {
  for (const file of files(answer)) {
    if (!(await cache.match(file))) await cache.add(file);
  }
  if (asked === era) await cache.put(address, answer);
}

/** Forgets everything. */
async function forget() {
  era += 1;
  await others("");
}

/** Forgets what is of others. */
async function others(owner) {
  const names = (await caches.keys()).filter((name) => name !== owner);
  await Promise.all(names.map((name) => caches.delete(name)));
}

/** Leaves the newest pages, and the files that these need. */
async function tidy(cache) {
  const all = await Promise.all((await cache.keys()).map(async (request) => [request, await cache.match(request)]));
  const pages = all.filter(([, answer]) => answer.headers.has("kept")).sort(([, a], [, b]) => time(b) - time(a));
  const isOffline = ([request]) => new URL(request.url).pathname === OFFLINE;
  const isLeft = (page, place) => isOffline(page) || (place < MOST && Date.now() - time(page[1]) < LONGEST);
  const left = pages.filter(isLeft);
  const needed = new Set(left.flatMap(([, answer]) => files(answer)));
  const isNeeded = ([request, answer]) =>
    answer.headers.has("kept")
      ? left.some(([known]) => known === request)
      : needed.has(new URL(request.url).pathname);
  await Promise.all(all.filter((one) => !isNeeded(one)).map(([request]) => cache.delete(request)));
}
