// What stands between a browser and a site: a network that can be cut and made slow, and a site of another version.

import { createServer, request } from "node:http";
import { connect } from "node:net";

/** The hash in the name of a file of the bundle, as another version would have it; twice it is the same again. */
const other = (text) =>
  text.replace(/\/pkg\/bmw-([0-9a-f]{16})/g, (_, hash) => `/pkg/bmw-${[...hash].reverse().join("")}`);

/** Passes on what comes, from a port of its own. */
export async function front(site) {
  const { hostname, port } = new URL(site);
  const held = new Set();
  const state = { isNew: false, isSlow: false };

  const server = createServer((asked, answer) => {
    if (state.isSlow) {
      held.add(answer);
      return;
    }
    const headers = { ...asked.headers, "accept-encoding": "identity" };
    const path = state.isNew ? other(asked.url) : asked.url;
    const inner = request({ hostname, port, method: asked.method, path, headers }, (told) => {
      const isPage = state.isNew && /html/.test(told.headers["content-type"] ?? "");
      if (!isPage) {
        answer.writeHead(told.statusCode, told.headers);
        told.pipe(answer);
        return;
      }
      const parts = [];
      told.on("data", (part) => parts.push(part));
      told.on("end", () => {
        answer.writeHead(told.statusCode, told.headers);
        answer.end(other(Buffer.concat(parts).toString()));
      });
    });
    inner.on("error", () => answer.destroy());
    asked.pipe(inner);
  });
  const sockets = new Set();
  server.on("upgrade", (asked, outer, head) => {
    const inner = connect(port, hostname, () => {
      const lines = asked.rawHeaders.map((text, place) => text + (place % 2 ? "\r\n" : ": "));
      inner.write(`${asked.method} ${asked.url} HTTP/1.1\r\n${lines.join("")}\r\n`);
      inner.write(head);
      inner.pipe(outer).pipe(inner);
    });
    for (const socket of [inner, outer]) {
      sockets.add(socket);
      socket.on("error", () => {});
      socket.on("close", () => [inner, outer].forEach((one) => one.destroy()));
    }
  });
  const listen = (on) => new Promise((resolve) => server.listen(on, "127.0.0.1", resolve));
  await listen(0);
  const own = server.address().port;
  return {
    address: `http://127.0.0.1:${own}`,
    /** From here on it serves what a newer program would. */
    renew: () => (state.isNew = true),
    /** It takes what comes and says nothing. */
    slow: () => (state.isSlow = true),
    /** Nothing gets through. */
    cut: () =>
      new Promise((resolve) => {
        server.close(resolve);
        for (const socket of sockets) socket.destroy();
        server.closeAllConnections();
      }),
    mend: () => listen(own),
  };
}
