// V2 to V4: who one is, sign-ins, and who may do what.

import { code } from "./proofs.js";
import { differs, notApplicable, tried } from "./report.js";
import { bearer, Browser, form, FORM, JSON_TYPE, must, PASSWORD, Site, until } from "./site.js";

let strangers = 0;
/** The address of a stranger who has not failed to sign in before. */
const fresh = () => `127.0.2.${++strangers}`;

/** Signs in with a password, and says whether that was it. */
async function isPassword(site, name, password) {
  const { status } = await new Browser(site, { from: fresh() }).trySignIn(name, password);
  must([303, 400].includes(status), `to sign in: ${status}`);
  return status === 303;
}

/** V2: passwords, and the guard against guessing. */
export async function authentication({ site, boss }) {
  let number = 0;
  /** Makes an account, and gives its name; nothing where the password is refused. */
  const add = async (password, name = `v2-${++number}`) => {
    const answer = await boss.post("/users/", { deed: "add", role: "viewer", name, password });
    must([303, 400].includes(answer.status), `to add an account: ${answer.status}`);
    return answer.status === 303 && name;
  };
  const accepts = async (password) => Boolean(await add(password));

  await differs(
    "2.1.1",
    "10 characters are enough, not 12, if zxcvbn holds them for hard to guess; 9 are never",
    async () => {
      must(!(await accepts("kF9-wuz2p")), "9 characters were taken");
      must(await accepts("kF9-wuz2pQ"), "10 good characters were refused");
    },
  );
  await differs(
    "2.1.2",
    "64 characters are taken, and up to 256, not 128: a hash costs the same for all; 257 are refused",
    async () => {
      const long = "kF9-wuz2 pQx_7 ".repeat(20);
      for (const length of [64, 128, 256])
        must(await accepts(long.slice(0, length)), `${length} characters were refused`);
      must(!(await accepts(long.slice(0, 257))), "257 characters were taken");
    },
  );
  await tried("2.1.3", "of a password of 200 characters the last one counts, and so do spaces", async () => {
    const long = "kF9-wuz2  pQx_7 ".repeat(20).slice(0, 199);
    const name = await add(`${long}a`);
    must(name, "it was refused");
    must(!(await isPassword(site, name, `${long}b`)), "its end does not count");
    must(!(await isPassword(site, name, `${long}a`.replace("  ", " "))), "its spaces do not count");
    must(await isPassword(site, name, `${long}a`), "it is not taken");
  });
  await tried("2.1.4", "a password of Chinese words and pictures signs in", async () => {
    const password = "电桩在院子里🔌第三个 ñ";
    const name = await add(password);
    must(name && (await isPassword(site, name, password)), "it does not");
  });
  const NEW = "mQ8-tuz4-pLx-2";
  const own = await add(PASSWORD, "v2-own");
  const browser = await site.signIn(own);
  await tried("2.1.6", "to change one's password takes the old one and the new one", async () => {
    const { status } = await browser.post("/account/", { deed: "password", new: NEW });
    must(status === 400, `without the old one: ${status}`);
    const wrong = await browser.post("/account/", { deed: "password", old: "wrong", new: NEW });
    must(wrong.status === 400, `with a wrong one: ${wrong.status}`);
    must(
      (await browser.post("/account/", { deed: "password", old: PASSWORD, new: "" })).status === 400,
      "without a new one",
    );
  });
  await tried("2.1.5", "one changes one's password, and the new one holds", async () => {
    const { status } = await browser.post("/account/", { deed: "password", old: PASSWORD, new: NEW });
    must(status === 303, `changed: ${status}`);
    must(await isPassword(site, own, NEW), "the new one does not hold");
    must(!(await isPassword(site, own, PASSWORD)), "the old one holds");
  });
  await tried(
    "2.1.7",
    "20 passwords of lists that leaked are refused, for a new account and when one's own is changed",
    async () => {
      const leaked =
        `password123 1234567890 qwertyuiop iloveyou123 passw0rd123 0987654321 administrator q1w2e3r4t5 letmein1234
      welcome123 1q2w3e4r5t qwerty12345 superman123 sunshine123 princess123 football123 charlie123 michelle123 jennifer123
      baseball123`.split(/\s+/);
      const elsewhere = await site.signIn(own, NEW);
      for (const password of leaked) {
        must(!(await accepts(password)), `${password} was taken`);
        const changed = await elsewhere.post("/account/", { deed: "password", old: NEW, new: password });
        must(changed.status !== 303, `${password} was taken as a new one`);
      }
      must(!(await add("v2-name-2026", "v2-name-202")), "the account's own name was taken");
    },
  );
  await differs(
    "2.1.8",
    "no meter grows while one types, as these pages load no script; what is refused is told why",
    async () => {
      const { body } = await boss.post("/users/", {
        deed: "add",
        role: "viewer",
        name: "v2-weak",
        password: "password123",
      });
      must(body.includes("too easily guessed"), "it is not told");
    },
  );
  await tried("2.1.9", "no kind of sign is demanded: small letters alone, or digits alone, are taken", async () => {
    for (const password of ["correct horse battery staple", "zvubqkwjtnxm", "83917265041837"]) {
      must(await accepts(password), `${password} was refused`);
    }
  });
  notApplicable("2.1.10", "no password ends by itself, and none is kept to be compared with");
  await tried(
    "2.1.11",
    "fields of passwords are marked for password managers, and nothing forbids to paste",
    async () => {
      for (const [page, kinds] of [
        [await site.get("/log_in/"), ["current-password"]],
        [await boss.get("/account/"), ["current-password", "new-password"]],
      ]) {
        for (const kind of kinds) must(page.body.includes(`autocomplete="${kind}"`), `${page.path}: no ${kind}`);
        must(!/onpaste|readonly|<script/i.test(page.body), `${page.path}: something could forbid it`);
      }
    },
  );
  await differs(
    "2.1.12",
    "what is typed is shown by browsers and password managers that can; these pages load no script for it",
  );

  await tried(
    "2.2.1",
    "who guesses waits longer and longer, by address and by account, and is told how long; the owner does not",
    async () => {
      const name = await add(PASSWORD, "v2-guarded");
      const known = new Browser(site, { from: "127.0.0.9" });
      must((await known.trySignIn(name, PASSWORD)).status === 303, "the owner signs in first");
      await known.signOut();
      const thief = { from: "127.0.0.10" };
      let checked = 0;
      let wait = 0;
      for (let round = 0; round < 100; round++) {
        const { status, headers } = await site.trySignIn(name, `wrong${round}`, thief);
        if (status === 429) wait = Math.max(wait, Number(headers["retry-after"]));
        else checked += 1;
      }
      must(checked <= 10, `${checked} of 100 guesses in a row were judged`);
      must(wait >= 1, "it is not told how long to wait");
      /** A wait may just be over: the one after it is twice as long. */
      const mustWait = async (text, attempt) => {
        for (let count = 0; count < 3; count++) if ((await attempt()).status === 429) return;
        throw new Error(text);
      };
      const guess = (who, from) => () => site.trySignIn(who, "wrong", { from });
      const byProgram = JSON.stringify({ username: name, password: "wrong" });
      const askForToken = () => site.post("/api-token-auth/", JSON_TYPE, byProgram, thief);
      await mustWait("the door of programs is a way around", askForToken);
      await mustWait("another name is a way around", guess("somebody-else", thief.from));
      await mustWait("another address is a way around", guess(name, "127.0.0.11"));
      must((await known.trySignIn(name, PASSWORD)).status === 303, "the owner is kept out of a device that he knows");
    },
  );
  notApplicable("2.2.2", "nothing is proven by SMS or e-mail");
  notApplicable("2.2.3", "the site reaches nobody by e-mail or SMS; a new password ends the account's other sign-ins");
  await tried("2.3.1", "the demo's account, which has no person, gets a random password at each start", async () => {
    const seen = new Set();
    const demo = new Site();
    try {
      demo.run(["demo"]);
      for (let start = 0; start < 2; start++) {
        demo.said = "";
        await demo.serve(["--simulator"]);
        const [password] = await until("a password of 20 random signs", () =>
          demo.said.match(/\b[a-z2-9]{4}(-[a-z2-9]{4}){4}\b/),
        );
        seen.add(password);
        demo.server.kill("SIGTERM");
        await demo.gone;
      }
    } finally {
      await demo.end();
    }
    must(seen.size === 2, "it is the same at each start");
  });
  notApplicable("2.5.1", "nothing is sent to who has forgotten his password: an administrator gives him another one");
  await tried("2.5.2", "no page asks for hints or for things that others know", async () => {
    for (const page of [await site.get("/log_in/"), await boss.get("/account/"), await boss.get("/users/")]) {
      must(!/hint|question|maiden|birthday/i.test(page.body), page.path);
    }
  });
  await tried("2.5.3", "neither the page of all accounts nor one's own shows a password or its hash", async () => {
    for (const page of [await boss.get("/account/"), await boss.get("/users/")]) {
      must(!page.body.includes(PASSWORD) && !page.body.includes("argon2"), page.path);
    }
  });
  await tried("2.5.4", "no account is there from the start: the usual names and passwords sign nobody in", async () => {
    for (const name of ["admin", "root", "sa", "administrator", "bmw", "demo", "test", "guest", "operator"]) {
      for (const password of [name, "", "admin", "password"]) {
        const { status } = await site.trySignIn(name, password, { from: fresh() });
        must(status === 400, `${name} and ${password}: ${status}`);
      }
    }
  });
  notApplicable("2.5.5", "as 2.2.3");
  notApplicable("2.5.6", "as 2.5.1");
  await secondFactor(site, add);
  for (const item of ["2.7.1", "2.7.2", "2.7.3", "2.7.4"])
    notApplicable(item, "nothing is proven by another way than the browser's own");
}

/** Codes that hold for a time and once. */
async function secondFactor(site, add) {
  const name = await add(PASSWORD, "v2-factor");
  const browser = await site.signIn(name);
  await differs("4.3.1", "a second factor is offered to everybody, and demanded of nobody");
  await tried("2.8.1", "a code holds for a minute and a half at most, and once", async () => {
    await browser.post("/account/", { deed: "factor-begin" });
    const [secret] = (await browser.get("/account/")).body.match(/\b[A-Z2-7]{32,}\b/) ?? [];
    must(secret, "no secret is shown");
    const first = code(secret);
    const on = await browser.post("/account/", { deed: "factor-on", password: PASSWORD, code: first });
    must(on.status === 200, `turned on: ${on.status}`);
    const enter = async (given) => {
      const other = new Browser(site, { from: fresh() });
      const { status, headers } = await other.trySignIn(name, PASSWORD);
      must(
        status === 303 && headers.location.startsWith("/log_in/code") && !other.session,
        `by the password alone: ${status} ${headers.location}`,
      );
      await other.post("/log_in/code/", { code: given });
      return Boolean(other.session);
    };
    must(!(await enter(code(secret, -20))), "one of ten minutes ago holds");
    must(!(await enter(first)), "one that was used holds");
    const next = code(secret, 1);
    must(await enter(next), "the next one does not hold");
    must(!(await enter(next)), "it holds twice");
  });
}

/** V3: sign-ins. */
export async function sessions({ site, secured, boss }) {
  await tried("3.1.1", "no address has a sign-in's secret in it, and none is taken from one", async () => {
    const browser = await site.signIn("boss");
    for (const path of ["/overview/", "/account/", "/log_in/?next=/devices/"]) {
      const { headers, body } = await browser.get(path);
      must(!`${headers.location}${body}`.includes(browser.session), path);
    }
    const { status } = await site.get(`/account/?bmw_session=${browser.session}&token=${browser.session}`);
    must(status === 303, `a secret in the address signs in: ${status}`);
  });
  await tried("3.2.1", "each sign-in has a new secret, also where the browser brings one along", async () => {
    const browser = await site.signIn("boss");
    const before = browser.session;
    must((await browser.trySignIn("boss", PASSWORD)).status === 303, "again");
    must(browser.session !== before, "it is the same");
    must(
      (await site.get("/account/", { headers: { cookie: `bmw_session=${before}` } })).status === 303,
      "the one before holds on",
    );
    const chosen = "0".repeat(64);
    const victim = new Browser(site);
    victim.jar.set("bmw_session", chosen);
    await victim.trySignIn("boss", PASSWORD);
    must(victim.session !== chosen, "the one that somebody else chose is kept");
  });
  await tried("3.2.2", "the secrets of 12 sign-ins are 256 bits, none is alike, and their bits are even", async () => {
    const secrets = [];
    for (let count = 0; count < 12; count++) secrets.push((await site.signIn("boss")).session);
    must(
      secrets.every((secret) => /^[0-9a-f]{64}$/.test(secret)),
      "not 64 digits",
    );
    must(new Set(secrets).size === 12, "two are the same");
    const bits = [...secrets.join("")].map((digit) => parseInt(digit, 16).toString(2).padStart(4, "0")).join("");
    const ones = [...bits].filter((bit) => bit === "1").length;
    // 3072 fair coins: 6 deviations on both sides.
    must(Math.abs(ones - 1536) < 167, `${ones} of 3072 bits are set`);
  });
  const signIn = await new Browser(site).trySignIn("boss", PASSWORD);
  const all = (rule) => signIn.cookies.length > 0 && signIn.cookies.every((cookie) => rule.test(cookie));
  await tried("3.2.3", "the secret is in a cookie that no script reads, and in nothing else", async () => {
    must(all(/; HttpOnly/i), "a script reads it");
    must(signIn.body === "", "the answer has it");
  });
  await tried(
    "3.3.1",
    "who has signed out is out, with the cookie as well, and Back shows nothing as pages are not kept",
    async () => {
      const browser = await site.signIn("boss");
      const cookie = browser.cookie;
      must((await browser.get("/account/")).status === 200, "he is in");
      must((await browser.get("/account/")).headers["cache-control"] === "no-store", "the page is kept");
      await browser.signOut();
      must((await site.get("/account/", { headers: { cookie } })).status === 303, "the cookie still holds");
    },
  );
  await tried("3.3.2", "a sign-in ends after 30 days in any case", async () => {
    const [, seconds] = signIn.cookies.find((cookie) => cookie.includes("bmw_session=")).match(/Max-Age=(\d+)/i);
    must(Number(seconds) > 0 && Number(seconds) <= 30 * 24 * 3600, `${seconds} s`);
  });
  await tried("3.4.1", "over TLS cookies are Secure", async () => {
    const answer = await new Browser(secured).trySignIn("boss", PASSWORD);
    must(answer.status === 303 && answer.cookies.length > 0, `signed in: ${answer.status}`);
    must(
      answer.cookies.every((cookie) => /; Secure/i.test(cookie)),
      `${answer.cookies.length} cookies`,
    );
  });
  await tried("3.4.2", "cookies that prove something are HttpOnly", () => must(all(/; HttpOnly/i), "one is not"));
  await tried("3.4.3", "cookies are SameSite=Lax", () => must(all(/; SameSite=(Lax|Strict)/i), "one is not"));
  await differs(
    "3.4.4",
    "cookies have no __Host- in front: browsers take that over TLS alone, and a site may be without",
    () => must(all(/; Path=\//i) && !all(/domain=/i), "they are of more than this host"),
  );
  await tried("3.4.5", "cookies are of this host alone, with a path", () =>
    must(all(/; Path=\//i) && !all(/domain=/i), "they are not"),
  );
  await tried(
    "3.7.1",
    "accounts are changed by who has signed in at a browser, not by a token; a password by who knows the old one",
    async () => {
      const headers = bearer(await site.token("boss"));
      const added = await site.post(
        "/users/",
        FORM,
        form({ deed: "add", role: "viewer", name: "v3", password: PASSWORD }),
        headers,
      );
      must([401, 403].includes(added.status), `a token adds an account: ${added.status}`);
      const made = await site.post("/account/", FORM, form({ deed: "token", name: "v3", role: "viewer" }), headers);
      must([401, 403].includes(made.status), `a token makes a token: ${made.status}`);
      const { status } = await boss.post("/account/", { deed: "password", old: "", new: "mQ8-tuz4-pLx-2" });
      must(status === 400, `a password is changed without the old one: ${status}`);
    },
  );
}

/** What needs a role: the least one, and how it is asked for. */
const DEEDS = [
  ["viewer", "GET", "/records/export.csv"],
  ["viewer", "GET", "/cards/export.csv"],
  ["viewer", "GET", "/details/frames.txt?charger_id=10245006"],
  ["viewer", "GET", "/api/charger/command/1/"],
  ["operator", "POST", "/api/charger/command/", JSON_TYPE, "{}"],
  ["operator", "POST", "/fn/command", FORM, "command=Reset&c0=10245006"],
  ["operator", "POST", "/fn/command", FORM, "command=put-card&tag=V4"],
  ["administrator", "POST", "/fn/command", FORM, "command=admit&c0=V4"],
  ["administrator", "POST", "/fn/settings/save", FORM, "card_reader_port=V4"],
  ["administrator", "POST", "/api/basic/settings/", JSON_TYPE, "{}"],
  ["administrator", "GET", "/users/"],
  ["administrator", "GET", "/audit/"],
  ["administrator", "GET", "/audit/export.csv"],
  ["administrator", "GET", "/api/audit/"],
  ["administrator", "POST", "/api/charger/password/", JSON_TYPE, "{}"],
];
const ROLES = ["viewer", "operator", "administrator"];

/** V4: who may do what. */
export async function accessControl({ site, boss, people, tokens, closed }) {
  const isRefused = ({ status, headers }) =>
    [401, 403].includes(status) || (headers.location ?? "").startsWith("/log_in/");
  const ask = (path, method, type, body, options) =>
    site.ask(method, path, {
      body,
      ...options,
      headers: { ...(type && { "content-type": type }), ...options.headers },
    });

  await tried(
    "4.1.1",
    `${DEEDS.length} deeds are asked for past the pages, by nobody and by each role: the program itself refuses`,
    async () => {
      for (const [least, method, path, type, body] of DEEDS) {
        must(isRefused(await ask(path, method, type, body, {})), `nobody: ${method} ${path}`);
        for (const role of ROLES) {
          const answer = await ask(path, method, type, body, bearer(tokens[role]));
          const may = ROLES.indexOf(role) >= ROLES.indexOf(least);
          must(isRefused(answer) !== may, `${role}: ${method} ${path}: ${answer.status}`);
        }
      }
    },
  );
  await tried(
    "4.1.2",
    "a role that is sent along, in fields, cookies, headers or the address, makes nobody one",
    async () => {
      const extra = {
        role: "administrator",
        "x-role": "administrator",
        "x-forwarded-user": "boss",
        "x-original-url": "/users/",
      };
      const cookie = `${people.viewer.cookie}; role=administrator; bmw_role=administrator`;
      must(isRefused(await site.get("/users/?role=administrator", { headers: { ...extra, cookie } })), "a viewer");
      must(isRefused(await site.get("/users/", { headers: extra })), "nobody");
      const above = await people.operator.post("/account/", {
        deed: "token",
        name: "v4",
        role: "administrator",
        days: "30",
        password: PASSWORD,
      });
      must(above.status === 403, `an operator makes himself a token of an administrator: ${above.status}`);
      const self = await people.operator.post("/users/", { deed: "role", id: "1", role: "administrator" });
      must(isRefused(self), `an operator gives a role: ${self.status}`);
    },
  );
  await tried("4.1.3", "nobody may what his role has no need of; a token may have less than its owner", async () => {
    const made = await boss.post("/account/", {
      deed: "token",
      name: "v4",
      role: "viewer",
      days: "30",
      password: PASSWORD,
    });
    const [, token] = made.body.match(/<code class="token">([0-9a-f]{64})</) ?? [];
    must(token, `no token: ${made.status}`);
    must((await site.get("/cards/export.csv", bearer(token))).status === 200, "it may not read");
    must(isRefused(await ask("/fn/command", "POST", FORM, "command=Reset&c0=x", bearer(token))), "it may command");
    const { body } = await site.get("/details/?charger_id=10245006");
    must(!body.includes("frames.txt"), "the raw frames are offered to nobody");
  });
  await tried(
    "4.1.5",
    "what proves nothing is nobody: broken cookies, tokens and schemes, and no answer is an error inside",
    async () => {
      for (const cookie of [
        "bmw_session=",
        "bmw_session=%00",
        `bmw_session=${"f".repeat(64)}`,
        `bmw_session=${"x".repeat(9000)}`,
        ";;=;",
      ]) {
        const { status } = await site.get("/account/", { headers: { cookie } });
        must(status === 303, `${cookie.slice(0, 40)}: ${status}`);
      }
      for (const authorization of [
        "Bearer",
        "Bearer x",
        `Bearer ${"0".repeat(64)}`,
        "Token ' or 1=1",
        `Bearer ${"0".repeat(9000)}`,
      ]) {
        const { status } = await site.get("/api/charger/list/", { headers: { authorization } });
        must(status === 401, `${authorization.slice(0, 40)}: ${status}`);
      }
      const both = { authorization: "Bearer x", cookie: boss.cookie };
      must((await site.get("/users/", { headers: both })).status === 401, "a wrong token is made good by a cookie");
      const outside = await closed.get("/api/charger/list/");
      must(outside.status === 401 && outside.headers["www-authenticate"], `where reading is closed: ${outside.status}`);
      must(
        (await closed.get("/overview/", { headers: { accept: "text/html" } })).status === 303,
        "a page where reading is closed",
      );
    },
  );
  await tried("4.2.1", "the number of somebody else's sign-in, token, account or command helps nobody", async () => {
    const before = await boss.get("/account/");
    const numbers = [...before.body.matchAll(/name="id" value="(\d+)"/g)].map(([, id]) => id);
    must(numbers.length > 1, "the administrator has sign-ins and tokens");
    for (const id of numbers) {
      for (const deed of ["end", "revoke"]) {
        const { status } = await people.viewer.post("/account/", { deed, id });
        must(status === 400, `${deed} ${id}: ${status}`);
      }
    }
    const after = await boss.get("/account/");
    must([...after.body.matchAll(/name="id" value="(\d+)"/g)].length === numbers.length, "something is gone");
    for (const path of ["/api/charger/command/1/", "/details/diagnostics/1", "/details/diagnostics/999999"]) {
      must(isRefused(await site.get(path)), path);
    }
  });
  await tried(
    "4.2.2",
    "a page of another site writes nothing, at 9 doors, with the cookie of an administrator",
    async () => {
      const doors = [
        "/fn/command",
        "/fn/settings/save",
        "/log_in/",
        "/log_out/",
        "/account/",
        "/users/",
        "/api-token-auth/",
      ];
      const documented = ["/api/basic/settings/", "/api/charger/command/"];
      const { cookie } = boss;
      for (const path of [...doors, ...documented]) {
        for (const origin of [
          { origin: "http://evil.example" },
          { origin: "null" },
          { "sec-fetch-site": "cross-site" },
        ]) {
          for (const type of [FORM, "text/plain", JSON_TYPE]) {
            const { status } = await site.post(path, type, "{}", { headers: { cookie, ...origin } });
            must(status === 403, `${path} ${JSON.stringify(origin)} ${type}: ${status}`);
          }
        }
      }
      must((await boss.get("/account/")).status === 200, "the administrator was signed out");
    },
  );
  await tried("4.3.2", "no folder is listed, and nothing that lies about is given out", async () => {
    const paths = [
      "/pkg/",
      "/pkg",
      "/.git/config",
      "/.git/HEAD",
      "/.env",
      "/.DS_Store",
      "/Thumbs.db",
      "/bmw.db",
      "/migrations/",
      "/server/",
      "/Cargo.toml",
      "/pkg/../Cargo.toml",
      "/%2e%2e/bmw.db",
      "/pkg/%2e%2e/%2e%2e/etc/passwd",
      "/backup/",
      "/docs/",
    ];
    for (const path of paths) {
      const { status, body } = await site.get(path);
      must(status === 404, `${path}: ${status}`);
      must(!/Index of|root:x/.test(body), path);
    }
  });
}
