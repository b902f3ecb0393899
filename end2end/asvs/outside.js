// V9 to V14: what is between the program and the world: TLS, uploads, the documented interface, headers.

import { readdirSync } from "node:fs";
import tls from "node:tls";
import { differs, notApplicable, tried } from "./report.js";
import { bearer, ChargePoint, form, FORM, handshake, JSON_TYPE, must, PASSWORD, Site, until } from "./site.js";

/** V9: TLS. */
export async function transport({ site, secured }) {
  const greet = (options) =>
    new Promise((resolve) => {
      const socket = tls.connect(
        { host: secured.address, port: secured.port, rejectUnauthorized: false, ...options },
        () => {
          resolve({ version: socket.getProtocol(), cipher: socket.getCipher().name });
          socket.destroy();
        },
      );
      socket.on("error", (error) => resolve({ error: error.code ?? error.message }));
    });
  await tried(
    "9.1.1",
    "pages, the feed and charge points are served over TLS, and plain HTTP at that port gets nothing of them",
    async () => {
      const { status } = await secured.get("/overview/");
      must(status === 200, `a page: ${status}`);
      for (const path of ["/ws/charger/details/", `/ocpp/${UPLOADER}`]) {
        const opened = await handshake(secured, path);
        must(opened.status === 101, `${path}: ${opened.status}`);
        opened.socket.destroy();
      }
      const plain = await secured.raw(`GET /overview/ HTTP/1.1\r\nhost: ${secured.host}\r\nconnection: close\r\n\r\n`);
      must(!plain.startsWith("HTTP/1.1 200"), `plain HTTP: ${plain.slice(0, 60)}`);
    },
  );
  await tried("9.1.2", "6 ciphers that are weak are refused, and a strong one is chosen", async () => {
    for (const ciphers of [
      "AES128-SHA",
      "AES256-SHA256",
      "ECDHE-RSA-AES128-SHA",
      "DES-CBC3-SHA:@SECLEVEL=0",
      "NULL:@SECLEVEL=0",
      "aNULL:@SECLEVEL=0",
    ]) {
      const { cipher } = await greet({ ciphers, maxVersion: "TLSv1.2" }).catch((error) => ({ error }));
      must(!cipher, `${ciphers} is taken`);
    }
    const { cipher } = await greet({});
    must(/GCM|CHACHA20/.test(cipher), cipher);
  });
  await tried("9.1.3", "TLS 1.2 and 1.3 are spoken, 1.0 and 1.1 are not", async () => {
    for (const version of ["TLSv1.2", "TLSv1.3"]) {
      const found = await greet({ minVersion: version, maxVersion: version });
      must(found.version === version, `${version}: ${found.error}`);
    }
    for (const version of ["TLSv1", "TLSv1.1"]) {
      const found = await greet({ minVersion: version, maxVersion: version, ciphers: "DEFAULT:@SECLEVEL=0" });
      must(found.error, `${version} is spoken`);
    }
  });
  notApplicable("10.3.1", "the program does not update itself");
  await tried("10.3.2", "pages load nothing but of this program, which is one file", async () => {
    for (const path of ["/overview/", "/devices/", "/details/", "/records/", "/settings/", "/log_in/", "/api/docs/"]) {
      const { body, headers } = await site.get(path);
      const loaded = [...body.matchAll(/<(?:script|link|img|iframe)[^>]*(?:src|href)="([^"]*)"/g)].map(
        ([, address]) => address,
      );
      for (const address of loaded) must(/^(\/(?!\/)|data:image)/.test(address), `${path}: ${address}`);
      must(/default-src '(self|none)'/.test(headers["content-security-policy"]), path);
    }
  });
  notApplicable("10.3.3", "no names of a domain are given out");
}

/** V11: what the site is for, out of order and too often. */
export async function businessLogic({ site, people, tokens }) {
  await tried(
    "11.1.1",
    "no step can be left out: an upload needs its command, and a command its charge point",
    async () => {
      const put = await site.ask("PUT", `/ocpp/upload/${"0".repeat(32)}/log`, { body: "x" });
      must(put.status === 404, `an upload that nobody asked for: ${put.status}`);
      const body = JSON.stringify({ vchchargerid: "nobody", command: "Reset" });
      const command = await site.post("/api/charger/command/", JSON_TYPE, body, bearer(tokens.operator));
      must(command.status === 404, `a command to nobody: ${command.status}`);
    },
  );
  notApplicable("11.1.2", "programs command chargers as fast as people do, and as they should");
  await tried("11.1.3", "an account has no more than 50 tokens", async () => {
    let last;
    for (let count = 0; count < 52; count++)
      last = await people.viewer.post("/account/", {
        deed: "token",
        name: `v11-${count}`,
        role: "viewer",
        days: "30",
        password: PASSWORD,
      });
    must(last.status === 400, `the 52nd: ${last.status}`);
    const page = await people.viewer.get("/account/");
    for (const [, id] of page.body.matchAll(/name="id" value="(\d+)"[^>]*>\s*<button[^>]*value="revoke"/g))
      await people.viewer.post("/account/", { deed: "revoke", id });
  });
  await tried("11.1.4", "who asks too often is told to wait, with a time, and others are not", async () => {
    const small = new Site();
    try {
      await small.serve(["--limit-requests", "2"]);
      const answers = await Promise.all(
        Array.from({ length: 60 }, () => small.get("/api/charger/list/", { from: "127.0.0.50" })),
      );
      const waits = answers.filter(({ status }) => status === 429);
      must(
        waits.length > 0 && waits.every(({ headers }) => Number(headers["retry-after"]) >= 1),
        `${waits.length} of 60`,
      );
      must((await small.get("/api/charger/list/", { from: "127.0.0.51" })).status === 200, "another one waits as well");
    } finally {
      await small.end();
    }
  });
  await tried("11.1.5", "a body of more than 1 MiB is refused before it is read, and a head of 300 KiB", async () => {
    const begun = `POST /api/basic/settings/ HTTP/1.1\r\nhost: ${site.host}\r\ncontent-type: ${JSON_TYPE}\r\ncontent-length: 1048577\r\nexpect: 100-continue\r\nauthorization: Bearer ${tokens.administrator}\r\nconnection: close\r\n\r\n`;
    const answer = await site.raw(begun, (text) => text.includes("\r\n\r\n"));
    must(/^HTTP\/1.1 413/.test(answer), answer.slice(0, 60));
    const head = await site.raw(`GET / HTTP/1.1\r\nhost: x\r\nx: ${"y".repeat(300_000)}\r\n\r\n`, (text) =>
      text.includes("\r\n\r\n"),
    );
    must(/^HTTP\/1.1 4/.test(head), head.slice(0, 60));
  });
}

const UPLOADER = "10245006";

/** V12: files that charge points upload. */
export async function files({ site, people, tokens }) {
  const charger = await ChargePoint.connect(site, UPLOADER);
  await charger.call("BootNotification", { chargePointVendor: "V", chargePointModel: "M" });
  /** Where the next upload may go to. */
  const permitted = async () => {
    const body = JSON.stringify({ vchchargerid: UPLOADER, command: "GetDiagnostics" });
    await until("a command for diagnostics", async () => {
      const { status } = await site.post("/api/charger/command/", JSON_TYPE, body, bearer(tokens.operator));
      must([202, 409].includes(status), `the command: ${status}`);
      return status === 202;
    });
    const { location } = await charger.toBeAsked("GetDiagnostics");
    return new URL(location).pathname;
  };
  const listed = async () => {
    const { body } = await people.operator.get(`/details/?charger_id=${UPLOADER}`);
    return [...body.matchAll(/\/details\/diagnostics\/(\d+)/g)].map(([, id]) => id);
  };
  /** Uploads a page as a file of some name, and gives what is downloaded then. */
  const upload = async (name) => {
    const before = new Set(await listed());
    const path = await permitted();
    const body = [
      "--x",
      `Content-Disposition: form-data; name="file"; filename="${name}"`,
      "Content-Type: text/html",
      "",
      "<script>alert(1)</script>",
      "--x--",
      "",
    ].join("\r\n");
    const answer = await site.post(path, "multipart/form-data; boundary=x", body);
    must(answer.status === 200, `uploaded: ${answer.status} ${answer.body}`);
    await charger.call("DiagnosticsStatusNotification", { status: "Uploaded" });
    const id = await until("the file is listed", async () => (await listed()).find((id) => !before.has(id)));
    return { path, file: await people.operator.get(`/details/diagnostics/${id}`) };
  };
  const first = await permitted();
  await tried("12.1.1", "a file of more than 64 MiB is refused before it is sent", async () => {
    const begun = `PUT ${first}big HTTP/1.1\r\nhost: ${site.host}\r\ncontent-length: 68000000\r\nexpect: 100-continue\r\nconnection: close\r\n\r\n`;
    const answer = await site.raw(begun, (text) => text.includes("\r\n\r\n"));
    must(/^HTTP\/1.1 413/.test(answer), answer.slice(0, 60));
    const small = await site.ask("PUT", `${first}small.log`, { body: "log" });
    must(small.status === 201, `a small one: ${small.status} ${small.body}`);
    await charger.call("DiagnosticsStatusNotification", { status: "Uploaded" });
  });
  const names = {
    "12.3.1": ["a path in a file's name is cut off", "../../../../tmp/bmw-asvs-owned.html"],
    "12.3.2": ["the name of a file is no place to read from", "..\\\\..\\\\etc\\\\passwd"],
    "12.3.3": ["an address as a file's name is a name", "http://127.0.0.1:1/x.php?y=z"],
    "12.3.5": ["commands in a file's name are a name", "a;touch bmw-asvs-owned;$(id)`id`|x.log"],
  };
  let file;
  for (const [item, [text, name]] of Object.entries(names)) {
    await tried(item, text, async () => {
      ({ file } = await upload(name));
      const disposition = file.headers["content-disposition"] ?? "";
      const [, given] = disposition.match(/^attachment; filename="([^"]*)"/) ?? [];
      must(given && !/[/\\;$`|<>:*?]/.test(given) && !given.startsWith("."), `it is ${disposition}`);
    });
  }
  await tried("12.3.4", "what is downloaded is a file of a name that the site gives", async () => {
    for (const path of [
      "/cards/export.csv",
      "/records/export.csv;x.bat?from=2015-01-01",
      "/records/export.csv?from=x.bat%22",
    ]) {
      const { status, headers } = await people.operator.get(path);
      must(
        status === 404 || /^attachment; filename="[a-z0-9.-]+\.csv"$/.test(headers["content-disposition"]),
        `${path}: ${headers["content-disposition"]}`,
      );
    }
    must(/^attachment;/.test(file.headers["content-disposition"]), "what was uploaded");
  });
  await tried(
    "12.4.1",
    "what is uploaded lies in the database, not in a folder, and takes a role to be seen",
    async () => {
      must(
        readdirSync(site.folder).every((name) => name.startsWith("bmw.db")),
        readdirSync(site.folder).join(),
      );
      const [id] = await listed();
      must((await site.get(`/details/diagnostics/${id}`)).status === 401, "nobody gets it");
    },
  );
  await differs("12.4.2", "no scanner looks for viruses: only chargers upload, and nothing here opens what they do");
  await tried("12.5.1", "of files, those of the bundle are served and no others", async () => {
    for (const path of [
      "/pkg/bmw.js.bak",
      "/pkg/bmw.js~",
      "/pkg/.bmw.js.swp",
      "/favicon.svg.bak",
      "/pkg/bmw.zip",
      "/pkg/bmw.wasm.map",
    ]) {
      must((await site.get(path)).status === 404, path);
    }
  });
  await tried("12.5.2", "a page that was uploaded is never shown as one", () => {
    const { headers, body } = file;
    must(body === "<script>alert(1)</script>", "it is what was uploaded");
    must(
      headers["content-type"] === "application/octet-stream" && headers["x-content-type-options"] === "nosniff",
      headers["content-type"],
    );
    must(/sandbox/.test(headers["content-security-policy"]), "its policy");
  });
  notApplicable("12.6.1", "the program itself asks no other server: see 5.2.6");
  charger.close();
}

/** V13: the documented interface. */
export async function api({ site, boss, tokens }) {
  const document = JSON.parse((await site.get("/api/openapi.json")).body);
  const paths = Object.entries(document.paths);
  await tried("13.1.1", "a path means the same however it is written, and is decoded once", async () => {
    const { status } = await site.get("/users%2f");
    must(status === 404, `an encoded slash: ${status}`);
    for (const path of [
      "//users/",
      "/./users/",
      "/overview/../users/",
      "/USERS/",
      "/users/.",
      "/users;x",
      "/%75sers/",
      "/users%00",
    ]) {
      const { status, body } = await site.get(path);
      must(status !== 200 || !body.includes("user-list"), `${path} shows the accounts to nobody: ${status}`);
    }
    const twice = await site.get("/api/charger/details/?charger_id=%2531%2530245006");
    must(twice.status === 404, `decoded twice: ${twice.status}`);
  });
  await tried("13.1.3", `${paths.length} documented addresses: none has a secret for a parameter`, () => {
    for (const [path, item] of paths) {
      const names = Object.values(item).flatMap(({ parameters = [] }) =>
        parameters.filter((it) => it.in !== "header").map(({ name }) => name),
      );
      must(!names.some((name) => /token|password|key|secret|session/i.test(name)), `${path}: ${names}`);
    }
  });
  await tried("13.2.1", "methods that are not documented are refused, also for who may all", async () => {
    for (const [path, item] of paths) {
      for (const method of ["PUT", "PATCH", "DELETE", "POST", "TRACE"]) {
        if (item[method.toLowerCase()]) continue;
        const { status } = await site.ask(method, path.replace(/\{.*\}/, "1"), bearer(tokens.administrator));
        must([405, 426].includes(status), `${method} ${path}: ${status}`);
      }
    }
  });
  await tried("13.2.2", "bodies that are not of the documented schema are refused", async () => {
    for (const body of [
      "[]",
      "7",
      '"x"',
      "null",
      "{}",
      '{"vchchargerid":[],"command":{}}',
      '{"vchchargerid":"10245006","command":"Reset","arguments":[]}',
    ]) {
      for (const path of ["/api/charger/command/", "/api/basic/settings/", "/api-token-auth/"]) {
        const { status } = await site.post(path, JSON_TYPE, body, bearer(tokens.administrator));
        must(status === 400, `${path} ${body}: ${status}`);
      }
    }
  });
  await tried("13.2.3", "with a cookie, JSON is taken from this site's pages alone, and as JSON alone", async () => {
    const { cookie } = boss;
    for (const [headers, expected] of [
      [{ origin: "http://evil.example" }, 403],
      [{ origin: site.origin }, 400],
      [{ "sec-fetch-site": "cross-site" }, 403],
    ]) {
      const { status } = await site.post("/api/charger/command/", JSON_TYPE, "{}", { headers: { cookie, ...headers } });
      must(status === expected, `${JSON.stringify(headers)}: ${status}`);
    }
    for (const type of ["text/plain", "multipart/form-data; boundary=x", FORM]) {
      const { status } = await site.post(
        "/api/charger/command/",
        type,
        '{"vchchargerid":"10245006","command":"Reset"}',
        { headers: { cookie } },
      );
      must(status === 415, `${type}: ${status}`);
    }
    const { status } = await handshake(site, "/ws/charger/details/", { origin: "http://evil.example", cookie });
    must(status === 403, `the feed: ${status}`);
  });
  notApplicable("13.3.1", "there is no SOAP");
}

/** V14: what every answer says. Comes late, as it looks back on all of them. */
export async function configuration({ site, closed, secured, boss, answers }) {
  notApplicable("14.2.1", "cargo xtask test asks cargo-deny");
  await tried("14.2.2", "the demo's simulator is there for who asks for it alone", async () => {
    must((await boss.get("/simulator/")).status === 404, "its page is there");
    const { status } = await boss.post("/simulator/", { charger: "x", deed: "card" });
    must([404, 405].includes(status), `its form is taken: ${status}`);
  });
  notApplicable("14.2.3", "pages load nothing of others");
  await tried("14.3.2", "nothing is there for debugging, and TRACE echoes nothing", async () => {
    const { status, body } = await site.ask("TRACE", "/overview/", { headers: { "x-echo": "echo-me" } });
    must(status >= 400 && !body.includes("echo-me"), `${status}`);
    for (const path of [
      "/debug/",
      "/metrics",
      "/console/",
      "/actuator/",
      "/phpinfo.php",
      "/server-status",
      "/admin/",
    ]) {
      const { status } = await site.get(path);
      must(status === 404, `${path}: ${status}`);
    }
  });
  const all = () => answers().filter(({ status }) => status !== 101);
  const inAll = (holds, what) => {
    const wrong = all().find((answer) => !holds(answer));
    must(!wrong, `${what}: ${wrong?.method} ${wrong?.path}: ${wrong?.status} ${JSON.stringify(wrong?.headers)}`);
  };
  await tried("14.3.3", "no answer of all that were given names a program or its version", () =>
    inAll(({ headers }) => !headers.server && !headers["x-powered-by"] && !headers.via, "named"),
  );
  await tried("14.4.1", "every answer with a body has its type, and text its encoding", () =>
    inAll(({ headers, body }) => {
      const type = headers["content-type"] ?? "";
      return body === "" || (type !== "" && (!type.startsWith("text/") || /charset=utf-8/i.test(type)));
    }, "its type"),
  );
  await differs(
    "14.4.2",
    "JSON is no attachment, as the documented routes are read in browsers; its policy lets nothing of it be loaded or framed",
    () =>
      inAll(
        ({ headers }) =>
          headers["content-type"] !== JSON_TYPE || /default-src 'none'/.test(headers["content-security-policy"]),
        "its policy",
      ),
  );
  // What cannot be read as HTTP at all is answered by its status alone.
  await tried("14.4.3", "every answer has a policy, and none lets scripts in that are not the program's", () => {
    inAll(({ headers }) => /default-src '(none|self)'/.test(headers["content-security-policy"] ?? ""), "its policy");
    inAll(({ headers }) => !/'unsafe-inline'|'unsafe-eval'/.test(headers["content-security-policy"]), "unsafe");
  });
  await tried("14.4.4", "every answer is nosniff", () =>
    inAll(({ headers }) => headers["x-content-type-options"] === "nosniff", "nosniff"),
  );
  await tried("14.4.5", "over TLS every answer says that it stays so, for a year", async () => {
    for (const path of ["/overview/", "/api/charger/list/", "/nowhere/", "/favicon.svg"]) {
      const { headers } = await secured.get(path);
      const [, seconds] = (headers["strict-transport-security"] ?? "").match(/max-age=(\d+)/) ?? [];
      must(Number(seconds) >= 31_536_000, `${path}: ${headers["strict-transport-security"]}`);
    }
  });
  await tried("14.4.6", "pages tell other sites nothing of where one came from", () =>
    inAll(
      ({ headers, status }) =>
        !(headers["content-type"] ?? "").startsWith("text/html") || headers["referrer-policy"] === "same-origin",
      "its referrer policy",
    ),
  );
  await tried("14.4.7", "no answer can be framed", () =>
    inAll(({ headers }) => /frame-ancestors 'none'|sandbox/.test(headers["content-security-policy"] ?? ""), "framed"),
  );
  await tried("14.5.1", "methods that nothing is for are refused", async () => {
    for (const method of ["TRACE", "PROPFIND", "DELETE", "PUT"]) {
      for (const path of ["/overview/", "/log_in/", "/users/", "/api/charger/list/", "/favicon.svg"]) {
        const { status } = await boss.ask(method, path);
        must([403, 404, 405].includes(status), `${method} ${path}: ${status}`);
      }
    }
  });
  await tried("14.5.2", "an Origin proves nothing", async () => {
    for (const origin of [site.origin, "http://localhost", "null"]) {
      const { status } = await site.get("/users/", { headers: { origin } });
      must(status === 303, `${origin}: ${status}`);
      must((await closed.get("/api/charger/list/", { headers: { origin } })).status === 401, origin);
    }
  });
  await tried("14.5.3", "no page of another site is let read, whatever it says that it is", async () => {
    for (const origin of ["http://evil.example", "null", site.origin]) {
      for (const path of ["/api/charger/list/", "/overview/", "/api/charger/command/"]) {
        await site.get(path, { headers: { origin } });
        await site.ask("OPTIONS", path, {
          headers: {
            origin,
            "access-control-request-method": "POST",
            "access-control-request-headers": "authorization",
          },
        });
      }
    }
    inAll(({ headers }) => !Object.keys(headers).some((name) => name.startsWith("access-control-allow")), "CORS");
  });
}
