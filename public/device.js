// The page of this device: shows of it what the browser knows and the server does not.

const all = (selector) => [...document.querySelectorAll(selector)];
const show = (when, is) => all(`[data-when="${when}"]`).forEach((part) => (part.hidden = !is));

const agent = navigator.userAgent;
// A tablet says that it is a desk, and is touched.
const isIos = /iPhone|iPad/.test(agent) || (/Macintosh/.test(agent) && navigator.maxTouchPoints > 1);
const way = isIos ? "ios" : /Firefox/.test(agent) ? "firefox" : /Android/.test(agent) ? "android" : "desktop";
const isApp = () => matchMedia("(display-mode: standalone)").matches || navigator.standalone === true;

/** What the browser has offered. */
let offer;

function draw() {
  const isInstalled = isSecureContext && isApp();
  show("insecure", !isSecureContext);
  show("installed", isInstalled);
  show("offered", Boolean(offer) && !isInstalled);
  show("by-hand", isSecureContext && !isInstalled && !offer);
  all("[data-way]").forEach((part) => (part.hidden = part.dataset.way !== way));
}

async function count() {
  let pages = 0;
  for (const name of await caches.keys()) {
    const paths = (await (await caches.open(name)).keys()).map(({ url }) => new URL(url).pathname);
    pages += paths.filter((path) => !/^\/(pkg|offline)\//.test(path)).length;
  }
  document.getElementById("kept-count").textContent = pages;
  show("kept", true);
}

addEventListener("beforeinstallprompt", (event) => {
  event.preventDefault();
  offer = event;
  draw();
});
addEventListener("appinstalled", () => {
  offer = undefined;
  show("offered", false);
  show("by-hand", false);
  show("installed", true);
});
document.getElementById("install-now").addEventListener("click", async () => {
  await offer.prompt();
  await offer.userChoice;
  // An offer holds once.
  offer = undefined;
  draw();
});
document.getElementById("forget-now").addEventListener("click", async () => {
  await Promise.all((await caches.keys()).map((name) => caches.delete(name)));
  await count();
});

draw();
if (isSecureContext && navigator.serviceWorker) {
  navigator.serviceWorker.register("/sw.js").catch(console.warn);
  count();
}
