// What a stranger brings along: a certificate of its own making, and the codes of a second factor.

import { createHmac, generateKeyPairSync, randomBytes, sign } from "node:crypto";

/** A value of DER: its tag, its length, what is in it. */
function der(tag, ...parts) {
  const content = Buffer.concat(parts.map((part) => Buffer.from(part)));
  const { length } = content;
  const size = length < 128 ? [length] : length < 256 ? [0x81, length] : [0x82, length >> 8, length & 0xff];
  return Buffer.concat([Buffer.from([tag, ...size]), content]);
}

const SEQUENCE = 0x30;
const oid = (...bytes) => der(0x06, bytes);
const time = (date) => der(0x17, `${date.toISOString().replace(/\D/g, "").slice(2, 14)}Z`);
const pem = (label, bytes) =>
  `-----BEGIN ${label}-----\n${bytes.toString("base64").replace(/.{64}/g, "$&\n")}\n-----END ${label}-----\n`;

/** A certificate for 127.0.0.1 that signs itself (RFC 5280), and its key, as PEM. */
export function certificate() {
  const { publicKey, privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const day = 24 * 3600 * 1000;
  // ecdsa-with-SHA256
  const algorithm = der(SEQUENCE, oid(0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02));
  const commonName = der(SEQUENCE, oid(0x55, 0x04, 0x03), der(0x0c, "bmw asvs"));
  const name = der(SEQUENCE, der(0x31, commonName));
  const address = der(SEQUENCE, der(0x87, [127, 0, 0, 1]));
  const alternative = der(SEQUENCE, oid(0x55, 0x1d, 0x11), der(0x04, address));
  const toBeSigned = der(
    SEQUENCE,
    der(0xa0, der(0x02, [2])),
    der(0x02, [1], randomBytes(8)),
    algorithm,
    name,
    der(SEQUENCE, time(new Date(Date.now() - day)), time(new Date(Date.now() + day))),
    name,
    publicKey.export({ type: "spki", format: "der" }),
    der(0xa3, der(SEQUENCE, alternative)),
  );
  const signature = der(0x03, [0], sign("sha256", toBeSigned, privateKey));
  return {
    certificate: pem("CERTIFICATE", der(SEQUENCE, toBeSigned, algorithm, signature)),
    key: privateKey.export({ type: "pkcs8", format: "pem" }),
  };
}

/** The code of a second factor (RFC 6238): that of now, or of so many steps of 30 s later. */
export function code(base32, steps = 0) {
  const digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
  const bits = [...base32].map((sign) => digits.indexOf(sign).toString(2).padStart(5, "0")).join("");
  const key = Buffer.from(bits.match(/.{8}/g).map((byte) => parseInt(byte, 2)));
  const counter = Buffer.alloc(8);
  counter.writeBigUInt64BE(BigInt(Math.floor(Date.now() / 30_000) + steps));
  const hash = createHmac("sha1", key).update(counter).digest();
  const number = hash.readUInt32BE(hash[19] & 0x0f) & 0x7fffffff;
  return String(number % 1_000_000).padStart(6, "0");
}
