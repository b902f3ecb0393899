// A site on a server of its own, and strangers who ask it things: over HTTP, as browsers, and as a charge point.

import { execFileSync, spawn } from "node:child_process";
import { createHash, randomBytes } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import http from "node:http";
import https from "node:https";
import net from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const program = process.env.BMW_TEST_BINARY ?? fileURLToPath(new URL("../../target/release/bmw", import.meta.url));
const PATIENCE_MS = 30_000;

/** Everybody's password. */
export const PASSWORD = "kF9-wuz2-pQx-7";

/** A condition that must hold. */
export function must(condition, text) {
  if (!condition) throw new Error(text);
}

/** Waits until something is there. */
export async function until(what, find) {
  const end = Date.now() + PATIENCE_MS;
  for (;;) {
    const found = await find();
    if (found) return found;
    must(Date.now() < end, `${what}: it never came`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

export const form = (fields) => new URLSearchParams(fields).toString();
export const FORM = "application/x-www-form-urlencoded";
export const JSON_TYPE = "application/json";

/** A served site with its database in a folder of its own. */
export class Site {
  constructor() {
    this.folder = mkdtempSync(join(tmpdir(), "bmw-asvs-"));
    this.environment = {
      ...process.env,
      BMW_DATABASE_URL: `sqlite://${join(this.folder, "bmw.db")}`,
      BMW_TIMEZONE: "Asia/Shanghai",
      BMW_LOG: "debug",
      // All of it comes from one machine, as fast as it can.
      BMW_LIMIT_REQUESTS: "0",
    };
    /** All that was ever answered. */
    this.answers = [];
    this.said = "";
    this.log = "";
  }

  /** Runs a command of the program. */
  run(args, input) {
    execFileSync(program, args, { env: this.environment, input, stdio: "pipe" });
  }

  addAdministrator(name) {
    this.run(["createsuperuser", "--username", name, "--password-stdin"], `${PASSWORD}\n`);
  }

  async serve(args = []) {
    this.server = spawn(program, ["serve", "--listen", "127.0.0.1:0", ...args], { env: this.environment });
    this.gone = new Promise((resolve) => this.server.once("exit", resolve));
    this.server.stderr.on("data", (chunk) => (this.log += chunk));
    this.server.stdout.on("data", (chunk) => (this.said += chunk));
    let ended = false;
    this.gone.then(() => (ended = true));
    const found = await until("the server listens", () => {
      must(!ended, `the server ended: ${this.log}`);
      return this.said.match(/listening on (https?):\/\/(\S+):(\d+)/);
    });
    [, this.scheme, this.address, this.port] = found;
    this.host = `${this.address}:${this.port}`;
    this.origin = `${this.scheme}://${this.host}`;
    return this;
  }

  async end() {
    this.server?.kill("SIGTERM");
    await this.gone;
    rmSync(this.folder, { recursive: true });
  }

  /**
   * Asks, from an address of this machine that is nobody else's if `from` says so. The path goes out as it is.
   */
  ask(method, path, { headers = {}, body = "", from = "127.0.0.1" } = {}) {
    const bytes = Buffer.from(body);
    const length = bytes.length > 0 || method === "POST" ? { "content-length": bytes.length } : {};
    const options = {
      host: this.address,
      port: this.port,
      method,
      path,
      localAddress: from,
      agent: false,
      rejectUnauthorized: false,
      headers: { ...length, ...headers },
    };
    const client = this.scheme === "https" ? https : http;
    return new Promise((resolve, reject) => {
      const request = client.request(options, (response) => {
        const parts = [];
        response.on("data", (part) => parts.push(part));
        response.on("error", reject);
        response.on("end", () => {
          const bytes = Buffer.concat(parts);
          const { statusCode: status, headers, rawHeaders } = response;
          const cookies = headers["set-cookie"] ?? [];
          const answer = { method, path, status, headers, rawHeaders, cookies, bytes, body: bytes.toString() };
          this.answers.push(answer);
          resolve(answer);
        });
      });
      request.setTimeout(PATIENCE_MS, () => request.destroy(new Error(`${method} ${path}: no answer`)));
      request.on("error", reject);
      request.end(bytes);
    });
  }

  get(path, options) {
    return this.ask("GET", path, options);
  }

  post(path, type, body, { headers, ...options } = {}) {
    return this.ask("POST", path, { body, headers: { "content-type": type, ...headers }, ...options });
  }

  /** Sends bytes as they are, and gives what comes back until the server closes, or has said enough. */
  raw(bytes, isEnough = () => false) {
    return new Promise((resolve, reject) => {
      const socket = net.connect(this.port, this.address);
      let received = "";
      const end = () => {
        socket.destroy();
        resolve(received);
      };
      socket.setTimeout(PATIENCE_MS, () => socket.destroy(new Error("no answer")));
      socket.on("data", (chunk) => {
        received += chunk.toString("latin1");
        if (isEnough(received)) end();
      });
      socket.on("end", end);
      socket.on("error", reject);
      socket.write(bytes);
    });
  }

  /** Signs a new browser in. */
  async signIn(username, password = PASSWORD, options = {}) {
    const browser = new Browser(this, options);
    const answer = await browser.trySignIn(username, password);
    must(answer.status === 303, `${username} signs in: ${answer.status}`);
    return browser;
  }

  trySignIn(username, password, options) {
    return this.post("/log_in/", FORM, form({ username, password }), options);
  }

  /** A token of an account, by name and password. */
  async token(username, password = PASSWORD, options) {
    const answer = await this.post("/api-token-auth/", JSON_TYPE, JSON.stringify({ username, password }), options);
    must(answer.status === 200, `${username} gets a token: ${answer.status}`);
    return JSON.parse(answer.body).token;
  }
}

/** What a program sends along. */
export const bearer = (token) => ({ headers: { authorization: `Bearer ${token}` } });

/** A browser that keeps its cookies. */
export class Browser {
  constructor(site, { from } = {}) {
    this.site = site;
    this.from = from;
    this.jar = new Map();
  }

  get cookie() {
    return [...this.jar].map(([name, value]) => `${name}=${value}`).join("; ");
  }

  /** What the browser proves itself by: the cookie of its sign-in. */
  get session() {
    return [...this.jar].find(([name]) => name.endsWith("bmw_session"))?.[1];
  }

  async ask(method, path, { headers, ...options } = {}) {
    const common = { accept: "text/html,*/*;q=0.8", "accept-language": "en", cookie: this.cookie };
    const answer = await this.site.ask(method, path, {
      from: this.from,
      headers: { ...common, ...headers },
      ...options,
    });
    for (const cookie of answer.cookies) {
      const [name, value] = cookie.split(";")[0].split(/=(.*)/s);
      if (/max-age=0\b/i.test(cookie)) this.jar.delete(name);
      else this.jar.set(name, value);
    }
    return answer;
  }

  get(path, options) {
    return this.ask("GET", path, options);
  }

  /** Sends a form. */
  post(path, fields, { headers, ...options } = {}) {
    return this.ask("POST", path, { body: form(fields), headers: { "content-type": FORM, ...headers }, ...options });
  }

  trySignIn(username, password, more = {}) {
    return this.post("/log_in/", { username, password, ...more });
  }

  signOut() {
    return this.post("/log_out/", {});
  }
}

/** Tries a WebSocket's handshake: the status, and the socket if there is one. */
export function handshake(site, path, headers = {}) {
  const key = randomBytes(16).toString("base64");
  const options = {
    host: site.address,
    port: site.port,
    path,
    agent: false,
    rejectUnauthorized: false,
    headers: {
      connection: "Upgrade",
      upgrade: "websocket",
      "sec-websocket-version": "13",
      "sec-websocket-key": key,
      ...headers,
    },
  };
  return new Promise((resolve, reject) => {
    const client = site.scheme === "https" ? https : http;
    const request = client.request(options, (response) => {
      response.resume();
      resolve({ status: response.statusCode });
    });
    request.on("upgrade", (response, socket, head) => {
      const accept = createHash("sha1").update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest("base64");
      must(response.headers["sec-websocket-accept"] === accept, "the handshake is right");
      resolve({ status: 101, socket, head });
    });
    request.on("error", reject);
    request.end();
  });
}

/** A charge point that says whatever it is told to, and agrees to all that it is asked. */
export class ChargePoint {
  static async connect(site, identity) {
    const path = `/ocpp/${encodeURIComponent(identity)}`;
    const { status, socket, head } = await handshake(site, path, { "sec-websocket-protocol": "ocpp1.6" });
    must(status === 101, `${identity} connects: ${status}`);
    return new ChargePoint(socket, head);
  }

  constructor(socket, head) {
    this.socket = socket;
    this.buffer = head;
    this.waiting = new Map();
    this.asked = [];
    this.number = 0;
    socket.on("data", (chunk) => {
      this.buffer = Buffer.concat([this.buffer, chunk]);
      this.read();
    });
    socket.on("error", () => {});
    this.read();
  }

  read() {
    while (this.buffer.length >= 2) {
      const short = this.buffer[1] & 0x7f;
      const start = short === 126 ? 4 : 2;
      must(short < 127, "no frame is so long");
      if (this.buffer.length < start) return;
      const length = short === 126 ? this.buffer.readUInt16BE(2) : short;
      if (this.buffer.length < start + length) return;
      const opcode = this.buffer[0] & 0x0f;
      const payload = this.buffer.subarray(start, start + length);
      this.buffer = this.buffer.subarray(start + length);
      if (opcode === 1) this.hear(JSON.parse(payload.toString()));
      if (opcode === 9) this.send(payload, 10);
    }
  }

  hear([kind, id, ...rest]) {
    if (kind === 2) {
      this.asked.push({ action: rest[0], payload: rest[1] });
      this.send(JSON.stringify([3, id, { status: "Accepted" }]));
    } else {
      this.waiting.get(id)?.(rest);
    }
  }

  send(payload, opcode = 1) {
    const bytes = Buffer.from(payload);
    const mask = randomBytes(4);
    const head = bytes.length < 126 ? Buffer.from([0x80 | opcode, 0x80 | bytes.length]) : Buffer.alloc(4);
    if (bytes.length >= 126) {
      head[0] = 0x80 | opcode;
      head[1] = 0x80 | 126;
      head.writeUInt16BE(bytes.length, 2);
    }
    this.socket.write(Buffer.concat([head, mask, bytes.map((byte, index) => byte ^ mask[index % 4])]));
  }

  call(action, payload) {
    const id = String(++this.number);
    const answered = new Promise((resolve) => this.waiting.set(id, resolve));
    this.send(JSON.stringify([2, id, action, payload]));
    return answered;
  }

  /** Waits until it is asked for something, once. */
  async toBeAsked(action) {
    const place = await until(`${action} is asked for`, () => this.asked.findIndex((it) => it.action === action) + 1);
    return this.asked.splice(place - 1, 1)[0].payload;
  }

  close() {
    this.socket.destroy();
  }
}
