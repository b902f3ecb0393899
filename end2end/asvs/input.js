// V5 to V8: what comes in, what is told when something is wrong, and what stays where.

import { existsSync, readFileSync } from "node:fs";
import net from "node:net";
import { join } from "node:path";
import { differs, notApplicable, tried } from "./report.js";
import { Browser, bearer, ChargePoint, form, FORM, handshake, JSON_TYPE, must, PASSWORD } from "./site.js";

/** What is no name of a charge point, and is one here. */
export const HOSTILE = [
  "<script>alert(1)</script>",
  '"><img src=x onerror=alert(1)>',
  "=HYPERLINK(1)",
  "O'Brien 充电 <b>",
];
/** A card that cars are charged with. */
export const CARD = "SECRETCARD";
/** A charge point that nobody knows, and that asks to join. */
const JOINING = "<img src=x onload=alert(2)>";
/** What engines of templates would reckon out. */
const TEMPLATE = "{{1337*7331}}${1337*7331}#{1337*7331}<%= 1337*7331 %>";
const STRINGS = [
  ...HOSTILE,
  "' OR '1'='1",
  "1; DROP TABLE charging_records; --",
  "' UNION SELECT name FROM sqlite_master --",
  TEMPLATE,
  "; touch bmw-asvs-owned; #",
  "$(touch bmw-asvs-owned)",
  "../../../../etc/passwd",
  "file:///etc/passwd",
  "javascript:alert(1)",
  "\r\nSet-Cookie: owned=1",
  "\0",
  "%00",
  "%2e%2e%2f",
  "\u202e\ufeff",
  "9".repeat(400),
  "-1",
  "NaN",
];

/** All parameters that something reads. */
const PARAMETERS = {
  "/api/charger/details/": ["charger_id", "date"],
  "/api/charging/record/details/": ["date", "charger_id"],
  "/api/recent/charging/record/list/": ["num"],
  "/api/recent/charger/state/list/": ["num"],
  "/api/monthly/energy/": ["charger_id"],
  "/bmw/chart/getAllRecentChargerRecords/": ["mode", "offset", "charger_id"],
  "/bmw/chart/getRecentChargerRecords/": ["mode", "offset", "show_all"],
  "/overview/": ["charger_id", "mode", "offset"],
  "/devices/": ["state", "q", "search", "model", "sort"],
  "/details/": ["charger_id", "date", "record", "start", "span", "frames"],
  "/records/": ["from", "to", "charger_id", "card", "before", "sort"],
  "/cards/": ["q", "said", "state"],
  "/settings/": ["said", "card_reader_port", "max_current_a"],
  "/log_in/": ["next", "username"],
  "/account/": ["said"],
  "/users/": ["said"],
  "/audit/": ["account", "subject", "action", "from", "to", "before"],
  "/api/audit/": ["account", "subject", "action", "from", "to", "before", "num"],
  "/charger_password/": ["charger_id", "said"],
  "/fn/page": ["page", "query"],
};

/** Whether a page has something of a stranger's in it that is not text: an element of theirs, or what an element does. */
function isBroken(body) {
  const elements = (body.match(/<[a-z][^>]*>/gi) ?? []).map((element) => element.replace(/"[^"]*"/g, '""'));
  return (
    ["<script>alert(", "<img src=x", "Brien 充电 <b>"].some((text) => body.includes(text)) ||
    elements.some((it) => /\son[a-z]+=/i.test(it))
  );
}

/** Every string in every parameter, asked by an administrator: what `check` says of an answer must hold. */
async function everywhere(boss, check) {
  for (const [path, names] of Object.entries(PARAMETERS)) {
    for (const name of names) {
      for (const text of STRINGS) {
        const query = form({ [name]: text });
        check(await boss.get(`${path}?${query}`), `${path}?${query}`);
      }
    }
  }
}

/** V5: what comes in. */
export async function validation({ site, boss, tokens, fixture }) {
  await tried("5.1.1", "a parameter that comes twice, or in the body and the address, is no way around", async () => {
    for (const path of [
      "/api/charger/details/?charger_id=nobody&charger_id=10245006",
      "/bmw/chart/getRecentChargerRecords/?mode=1&mode=x",
    ]) {
      const { status } = await site.get(path);
      must([200, 400, 404].includes(status), `${path}: ${status}`);
    }
    const twice = `username=nobody&password=x&username=boss&password=wrong`;
    must(
      (await site.post(`/log_in/?username=boss&password=${PASSWORD}`, FORM, twice, { from: "127.0.0.40" })).status ===
        400,
      "signed in",
    );
  });
  await tried("5.1.2", "fields that nobody asked for change nothing", async () => {
    const settings = JSON.parse((await site.get("/api/basic/settings/")).body);
    const more = { ...settings, id: 7, is_admin: true, role: "administrator", database_url: "sqlite:///tmp/x" };
    const saved = await site.post(
      "/api/basic/settings/",
      JSON_TYPE,
      JSON.stringify(more),
      bearer(tokens.administrator),
    );
    must(
      saved.status === 200 && JSON.stringify(JSON.parse(saved.body)) === JSON.stringify(settings),
      `${saved.status} ${saved.body}`,
    );
    await boss.post("/users/", {
      deed: "add",
      name: "v5",
      password: PASSWORD,
      role: "viewer",
      is_admin: "1",
      key: "1",
      id: "1",
    });
    const added = await site.signIn("v5");
    must((await added.get("/users/")).status === 403, "the account has more than it was given");
  });
  await tried("5.1.3", "what is no value of a parameter or a field is refused by its name", async () => {
    for (const [path, field] of [
      ["/api/charging/record/details/?date=tomorrow", "date"],
      ["/api/recent/charging/record/list/?num=-1", "num"],
      ["/bmw/chart/getAllRecentChargerRecords/?mode=9", "mode"],
    ]) {
      const { status, body } = await site.get(path);
      must(status === 400 && JSON.parse(body)[field], `${path}: ${status}`);
    }
  });
  await tried("5.1.4", "settings and commands are of their types and within their bounds", async () => {
    const settings = JSON.parse((await site.get("/api/basic/settings/")).body);
    for (const [field, value] of [
      ["intmaxcurrenta", -1],
      ["intmaxcurrenta", 1e9],
      ["intmaxcurrenta", [32]],
      ["vchpowersequence", "ABD"],
      ["vchcardreadercom", "x".repeat(65)],
      ["vchcardreadercom", "a\u0000b"],
      ["yeainstallyear", "20155"],
      ["dblpowercoefficient", "1e999"],
    ]) {
      const body = JSON.stringify({ ...settings, [field]: value });
      const answer = await site.post("/api/basic/settings/", JSON_TYPE, body, bearer(tokens.administrator));
      must(answer.status === 400 && JSON.parse(answer.body)[field], `${field}=${value}: ${answer.status}`);
    }
    for (const command of ["Dance", "", 7, null]) {
      const body = JSON.stringify({ vchchargerid: "10245006", command });
      const { status } = await site.post("/api/charger/command/", JSON_TYPE, body, bearer(tokens.operator));
      must(status === 400, `${command}: ${status}`);
    }
  });
  await tried("5.1.5", "who signs in, or chooses a language, is led to pages of this site alone", async () => {
    const evil = [
      "https://evil.example/",
      "//evil.example/",
      "/\\evil.example/",
      "/\r\nLocation: https://evil.example",
      "javascript:alert(1)",
      "/\t/evil.example",
      " https://evil.example",
      "https:evil.example",
      "\\\\evil.example",
    ];
    for (const next of evil) {
      const signedIn = await new Browser(site).trySignIn("boss", PASSWORD, { next });
      must(signedIn.headers.location === "/overview/", `next=${next}: ${signedIn.headers.location}`);
      const chosen = await site.get(`/preferences?${form({ lang: "en", back: next })}`);
      must(chosen.headers.location === "/overview/", `back=${next}: ${chosen.headers.location}`);
      const again = await boss.get(`/log_in/?${form({ next })}`);
      must(again.headers.location === "/overview/", `signed in, next=${next}: ${again.headers.location}`);
    }
  });
  notApplicable("5.2.1", "nobody enters HTML");
  await tried("5.2.2", "names have a length, and no signs that cannot be printed", async () => {
    const put = async (tag) => (await boss.post("/fn/command", { command: "put-card", tag })).body;
    for (const tag of ["x".repeat(21), "a\nb", "a\u0007b"]) await put(tag);
    const { body } = await boss.get("/cards/export.csv");
    must(!body.includes("x".repeat(21)) && !/a[\n\u0007]b/.test(body), "one is there");
    for (const name of ["x".repeat(65), "a b", "a\nb", "<b>"]) {
      const { status } = await boss.post("/users/", { deed: "add", role: "viewer", name, password: PASSWORD });
      must(status === 400, `an account of the name ${JSON.stringify(name)}: ${status}`);
    }
  });
  notApplicable("5.2.3", "no mail is sent");
  await tried("5.2.4", "the policy of every page forbids to make code of text", async () => {
    for (const path of ["/overview/", "/devices/", "/details/", "/records/", "/settings/", "/cards/", "/log_in/"]) {
      const policy = (await boss.get(path)).headers["content-security-policy"] ?? "";
      must(policy && !policy.includes("'unsafe-eval'") && !policy.includes("'unsafe-inline'"), `${path}: ${policy}`);
    }
  });

  const charger = await ChargePoint.connect(site, HOSTILE[1]);
  await charger.call("BootNotification", {
    chargePointVendor: HOSTILE[1].slice(0, 20),
    chargePointModel: "<b>{{7*7}}",
    firmwareVersion: "<i>=1+1",
  });
  await charger.call("StatusNotification", {
    connectorId: 1,
    errorCode: "OtherError",
    status: "Faulted",
    info: HOSTILE[1],
    vendorErrorCode: "<script>alert(1)</script>",
  });
  await charger.call("Authorize", { idTag: CARD });
  await charger.call("StartTransaction", {
    connectorId: 1,
    idTag: CARD,
    meterStart: 0,
    timestamp: new Date().toISOString(),
  });
  const stranger = await handshake(site, `/ocpp/${encodeURIComponent(JOINING)}`);
  must(stranger.status === 404, `a charge point that nobody knows: ${stranger.status}`);

  const answers = [];
  await everywhere(boss, (answer, asked) => answers.push({ answer, asked }));
  const pages = answers.filter(({ answer }) => (answer.headers["content-type"] ?? "").startsWith("text/html"));
  const inAll = (list, holds) => {
    const wrong = list.find(({ answer }) => !holds(answer));
    must(!wrong, `${wrong?.asked}: ${wrong?.answer.status}`);
  };
  await tried("5.2.5", "no template is filled in from what comes in", () =>
    inAll(
      pages.filter(({ asked }) => asked.includes(form({ "": TEMPLATE }).slice(1))),
      ({ body }) => !body.includes(String(1337 * 7331)),
    ),
  );

  const visits = [];
  const listener = net.createServer((socket) => {
    visits.push(socket.remoteAddress);
    socket.destroy();
  });
  await new Promise((resolve) => listener.listen(0, "127.0.0.1", resolve));
  const location = `http://127.0.0.1:${listener.address().port}/`;
  await tried(
    "5.2.6",
    "the program asks no address that it is told: one that listens hears nothing from it",
    async () => {
      const body = {
        vchchargerid: HOSTILE[1],
        command: "UpdateFirmware",
        arguments: { location, retrieveDate: "2030-01-01T00:00:00Z" },
      };
      const given = await site.post("/api/charger/command/", JSON_TYPE, JSON.stringify(body), bearer(tokens.operator));
      must(given.status === 202, `the command is given: ${given.status} ${given.body}`);
      const told = await charger.toBeAsked("UpdateFirmware");
      must(told.location === location, "the charge point is told");
      for (const path of [
        `/log_in/?next=${encodeURIComponent(location)}`,
        `/details/?charger_id=${encodeURIComponent(location)}`,
      ])
        await site.get(path);
      must(visits.length === 0, `${visits.length} visits`);
    },
  );
  notApplicable("5.2.7", "nobody uploads pictures");
  notApplicable("5.2.8", "nobody enters anything that is read as a language");

  await tried("5.3.1", "in HTML names are text, in CSV no formulas, in JSON strings, in headers nothing", async () => {
    inAll(pages, ({ body }) => !isBroken(body));
    const { body } = await boss.get("/records/export.csv?from=2015-01-01&to=2016-01-01");
    must(body.includes("'=HYPERLINK(1)"), "the session of the charge point that is a formula is there, and no formula");
    must(!/(^|,)"?[=+@]/m.test(body), "a field begins as a formula does");
    inAll(answers, ({ headers }) => !headers["set-cookie"]?.some((cookie) => cookie.startsWith("owned")));
  });
  await tried("5.3.2", "every sign that was given comes back as it was", async () => {
    const list = JSON.parse((await site.get("/api/charger/id/list/")).body);
    const text = JSON.stringify(list);
    for (const name of HOSTILE) must(text.includes(JSON.stringify(name).slice(1, -1)), name);
    const page = await boss.get(`/details/?${form({ charger_id: HOSTILE[3] })}`);
    must(page.body.includes("Brien 充电 &lt;b&gt;"), "on its page");
  });
  await tried(
    "5.3.3",
    `${STRINGS.length} strings in ${Object.values(PARAMETERS).flat().length} parameters, and stored ones of charge points: no page has markup of them`,
    async () => {
      inAll(pages, ({ body }) => !isBroken(body));
      for (const path of [
        "/overview/",
        "/devices/",
        `/details/?${form({ charger_id: HOSTILE[0] })}`,
        "/records/?from=2015-01-01&to=2016-01-01",
      ]) {
        const { body } = await boss.get(path);
        must(!isBroken(body), path);
      }
      const { body } = await boss.get("/devices/");
      must(body.includes("&lt;script&gt;alert(1)"), "the hostile name is shown at all");
      must(body.includes("&lt;img src=x onload"), "who asks to join is shown at all");
    },
  );
  await tried(
    "5.3.4",
    "no string makes another query of the one that is asked: no error inside, and all is still there",
    async () => {
      inAll(answers, ({ status }) => status < 500);
      const list = JSON.parse((await site.get("/api/recent/charging/record/list/?num=1000")).body);
      const count = Object.values(list).find(Array.isArray)?.length;
      must(count === fixture.charging_records.length, `${count} sessions of ${fixture.charging_records.length}`);
      const lines = async (filter) =>
        (await boss.get(`/records/export.csv?${form({ from: "2015-01-01", to: "2016-01-01", ...filter })}`)).body
          .trim()
          .split("\n").length;
      must(
        (await lines({})) > 30 && (await lines({ card: "' OR '1'='1" })) === 1,
        "a card that nobody has finds sessions",
      );
    },
  );
  notApplicable("5.3.5", "every query has parameters; that SQL is in one crate alone is a test of its own");
  await tried("5.3.6", "JSON of hostile names is read as it was meant, and is no page", async () => {
    for (const path of [
      "/api/charger/id/list/",
      "/api/charger/list/",
      `/api/charger/details/?${form({ charger_id: HOSTILE[1] })}`,
    ]) {
      const { headers, body } = await site.get(path);
      must(headers["content-type"] === JSON_TYPE && JSON.parse(body), path);
    }
  });
  notApplicable("5.3.7", "there is no LDAP");
  await tried("5.3.8", "no string is a command of the system", () => {
    for (const folder of [".", site.folder]) must(!existsSync(join(folder, "bmw-asvs-owned")), `in ${folder}`);
  });
  await tried("5.3.9", "no path and no string gives out a file", async () => {
    inAll(answers, ({ body }) => !/root:[x*]:0/.test(body));
    for (const path of [
      "/pkg/../../../../etc/passwd",
      "/pkg/..%2f..%2f..%2fetc%2fpasswd",
      "/%2fetc%2fpasswd",
      "/details/diagnostics/..%2f..%2fetc%2fpasswd",
    ]) {
      const { status, body } = await boss.get(path);
      must(status >= 400 && !/root:[x*]:0/.test(body), `${path}: ${status}`);
    }
  });
  notApplicable("5.3.10", "there is no XML");
  await tried(
    "5.5.1",
    "cookies hold random secrets and two words; what is no such word is as good as none",
    async () => {
      const { status, body } = await site.get("/overview/", {
        headers: { cookie: 'lang=O:8:"stdClass"; theme="><script>alert(1)</script>' },
      });
      must(status === 200 && !isBroken(body), `${status}`);
    },
  );
  await tried("5.5.2", "XML is read nowhere", async () => {
    const xml = '<?xml version="1.0"?><!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]><x>&e;</x>';
    for (const path of ["/api/basic/settings/", "/api/charger/command/", "/api-token-auth/"]) {
      for (const type of ["application/xml", "text/xml"]) {
        const { status } = await site.post(path, type, xml, bearer(tokens.administrator));
        must(status === 415, `${path}: ${status}`);
      }
    }
  });
  await tried("5.5.3", "JSON that is deep, broken or doubled is refused, or read once", async () => {
    for (const body of [
      "[".repeat(100_000),
      '{"a":'.repeat(50_000),
      "{",
      "\ufeff{}",
      '{"__proto__":{"role":"administrator"}}',
      "1e99999",
      '"\\ud800"',
    ]) {
      for (const path of ["/api/basic/settings/", "/api/charger/command/", "/api-token-auth/"]) {
        const { status } = await site.post(path, JSON_TYPE, body, bearer(tokens.administrator));
        must(status === 400, `${path} ${body.slice(0, 20)}: ${status}`);
      }
    }
    const { status } = await boss.get(`/fn/page?page=${"a".repeat(10_000)}&query=${"%ff".repeat(1000)}`);
    must(status < 500, `a page's data: ${status}`);
  });
  notApplicable("5.5.4", "the browser's half is Rust, and the policy forbids eval");
  await tried("6.2.1", "secrets that are wrong in any way are wrong alike", async () => {
    const { session } = await site.signIn("boss");
    const other = session[0] === "0" ? "1" : "0";
    const answers = [];
    for (const broken of [
      other + session.slice(1),
      session.slice(1),
      `${session}0`,
      session.toUpperCase().replace(/^\d*$/, "X"),
      "é",
    ]) {
      const { status, body, headers } = await site.get("/account/", {
        headers: { cookie: `bmw_session=${encodeURI(broken)}` },
      });
      answers.push(JSON.stringify([status, body, headers.location]));
    }
    must(new Set(answers).size === 1, "they are told apart");
  });
  charger.close();
  listener.close();
}

/** V7 and V8: what is logged and told, and what stays where. Comes last, as it looks back on all that was answered. */
export async function logsAndData({ site, closed, boss, people, tokens }) {
  const secrets = [
    PASSWORD,
    "mQ8-tuz4-pLx-2",
    boss.session,
    people.viewer.session,
    people.operator.session,
    ...Object.values(tokens),
  ];
  await tried(
    "7.1.1",
    "the program's log, with all that it can tell, has no password, no token and no sign-in's secret",
    () => {
      must(site.log.length > 0, "there is a log");
      for (const { log } of [site, closed]) must(!secrets.some((secret) => log.includes(secret)), "there is one");
    },
  );
  await tried("7.1.2", "nor the number of a card", () => must(!site.log.includes(CARD), "there is one"));
  await tried(
    "7.4.1",
    "no answer of all that were given tells where in the program, or of which database, something went wrong",
    () => {
      for (const { method, path, status, body, headers } of site.answers) {
        must(
          !/panicked at|stack backtrace|\.rs:\d|no such table|syntax error|rusqlite|sqlx::/i.test(body),
          `${method} ${path}: ${status}`,
        );
        must(
          status < 500 || (headers["x-request-id"] && body.includes("log tells more")),
          `${method} ${path}: ${status}`,
        );
      }
    },
  );
  await tried("8.2.1", "what is for one person is kept by no browser and no proxy", async () => {
    for (const path of [
      "/account/",
      "/users/",
      "/cards/",
      "/records/",
      "/details/",
      "/overview/",
      "/cards/export.csv",
      "/records/export.csv",
      "/fn/page?page=cards&query=",
    ]) {
      const { headers } = await boss.get(path);
      must(headers["cache-control"] === "no-store", `${path}: ${headers["cache-control"]}`);
    }
    const { headers } = await closed.get("/api/charger/list/", bearer(await closed.token("boss")));
    must(
      headers["cache-control"] === "no-store" && /cookie/i.test(headers.vary),
      "a documented route where reading is closed",
    );
  });
  await tried(
    "8.2.2",
    "browsers are given language, theme, the sign-in and what the device is known by, and keep beside that whether they notify",
    async () => {
      const names = new Set(site.answers.flatMap(({ cookies }) => cookies.map((cookie) => cookie.split("=")[0])));
      const known = ["bmw_session", "bmw_device", "bmw_awaited", "lang", "theme"];
      for (const name of names) must(known.includes(name.replace(/^__Host-/, "")), name);
      const { body } = await site.get("/overview/");
      const [, script] = body.match(/import\('([^']+)'\)/) ?? [];
      if (script)
        must(!/sessionStorage|indexedDB/.test((await site.get(script)).body), "the script has another store");
    },
  );
  await tried("8.2.3", "to sign out takes the cookie away, and no page was kept", async () => {
    const browser = await site.signIn("boss");
    const { cookies } = await browser.signOut();
    must(
      cookies.some((cookie) => /bmw_session=;.*Max-Age=0/i.test(cookie)),
      cookies.join(),
    );
  });
  await tried("8.3.1", "passwords go in bodies: an address with one signs nobody in", async () => {
    const query = form({ username: "boss", password: "wrong-in-an-address" });
    const page = await site.get(`/log_in/?${query}`);
    must(
      page.status === 200 && page.cookies.length === 0 && !page.body.includes("wrong-in-an-address"),
      `${page.status}`,
    );
    must((await site.get(`/api-token-auth/?${query}`)).status === 405, "a token by an address");
    must(/<form[^>]*method="post"/.test(page.body), "the form is sent otherwise");
  });
  await differs(
    "8.3.2",
    "an administrator disables accounts and `bmw export` writes the site; nobody removes himself, as the audit log names him",
  );
  notApplicable(
    "8.3.3",
    "of people it holds what they work here by: names, devices and times of sign-ins; docs/security.md says so",
  );
  await tried("8.3.4", "docs/security.md says what is secret and how it is kept", () => {
    const text = readFileSync(new URL("../../docs/security.md", import.meta.url), "utf8");
    must(/## .*secret/i.test(text), "it does not");
  });
}
