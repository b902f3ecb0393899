// Firefox by WebDriver (W3C), which is a handful of requests to geckodriver.

import { spawn } from "node:child_process";

/** How an element is named in WebDriver. */
const ELEMENT = "element-6066-11e4-a52e-4f735466cecf";

/** How long something may take to come about, ms: the pages are judged, not the machine. */
const PATIENCE = 20_000;
/** Between two looks whether it has, ms. */
const PAUSE = 50;

const KEYS = { Enter: "\uE007", End: "\uE010", Left: "\uE012", Escape: "\uE00C" };

export class Firefox {
  /** Starts the driver and with it a browser that nobody sees. */
  static async start({ geckodriver, firefox }) {
    const driver = spawn(geckodriver, ["--port", "0"]);
    let said = "";
    const port = await new Promise((resolve, reject) => {
      const listen = (chunk) => {
        said += chunk;
        const found = said.match(/Listening on 127\.0\.0\.1:(\d+)/);
        if (found) resolve(found[1]);
      };
      driver.stdout.on("data", listen);
      driver.stderr.on("data", listen);
      driver.once("error", reject);
      driver.once("exit", () => reject(new Error(`geckodriver ended: ${said}`)));
    });
    const it = new Firefox();
    it.driver = driver;
    it.base = `http://127.0.0.1:${port}`;
    const { sessionId, capabilities } = await it.ask("POST", "/session", {
      capabilities: {
        alwaysMatch: {
          timeouts: { pageLoad: PATIENCE, script: PATIENCE },
          "moz:firefoxOptions": {
            binary: firefox,
            args: ["-headless"],
            // A window of a phone's size is one that a page has opened.
            prefs: { "intl.accept_languages": "en-GB", "dom.disable_open_during_load": false },
          },
        },
      },
    });
    it.base += `/session/${sessionId}`;
    it.version = capabilities.browserVersion;
    return it;
  }

  async ask(method, path, body) {
    const headers = { "Content-Type": "application/json" };
    const answer = await fetch(this.base + path, { method, headers, body: body && JSON.stringify(body) });
    const { value } = await answer.json();
    if (!answer.ok) throw new Error(`${value.error}: ${value.message}`);
    return value;
  }

  async end() {
    try {
      await this.ask("DELETE", "");
    } finally {
      this.driver.kill();
    }
  }

  open(address) {
    return this.ask("POST", "/url", { url: address });
  }

  /** What a function gives in the page. */
  run(script, ...args) {
    return this.ask("POST", "/execute/sync", { script: `return (${script}).apply(null, arguments)`, args });
  }

  /** Waits until a function in the page gives something, and gives it back. */
  async until(what, script, ...args) {
    const end = Date.now() + PATIENCE;
    for (;;) {
      // Between two pages there is none to ask.
      const value = await this.run(script, ...args).catch((error) => {
        if (Date.now() > end) throw error;
      });
      if (value) return value;
      if (Date.now() > end) throw new Error(`${what}: it did not come about`);
      await new Promise((resolve) => setTimeout(resolve, PAUSE));
    }
  }

  /** The element that a selector finds, with a text where there are several. */
  find(selector, text = "") {
    const found = (selector, text) =>
      [...document.querySelectorAll(selector)].find((it) => it.textContent.includes(text) && it.checkVisibility());
    return this.until(`${selector} "${text}" is there`, found, selector, text);
  }

  see(selector, text) {
    return this.find(selector, text);
  }

  async click(selector, text) {
    const element = await this.find(selector, text);
    // As a person does: brought into the middle, where no bar is above it.
    await this.run((it) => it.scrollIntoView({ block: "center" }), element);
    await this.ask("POST", `/element/${element[ELEMENT]}/click`, {});
  }

  async type(selector, ...texts) {
    const element = await this.find(selector);
    for (const text of texts) {
      await this.ask("POST", `/element/${element[ELEMENT]}/value`, { text: KEYS[text] ?? text });
    }
  }

  /** What a function does in another window of this size, which is gone afterwards. */
  async inWindow(width, height, work) {
    const [own] = await this.ask("GET", "/window/handles");
    await this.run((size) => void window.open("about:blank", "", `popup,${size}`), `width=${width},height=${height}`);
    const other = (await this.ask("GET", "/window/handles")).find((handle) => handle !== own);
    await this.ask("POST", "/window", { handle: other });
    await work();
    await this.ask("DELETE", "/window");
    await this.ask("POST", "/window", { handle: own });
  }
}
