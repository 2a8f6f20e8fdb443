/** Public keys of issuers: P-256 and Ed25519, as the trust list writes them (RFC 9053 §2). */

import { Refused } from "./refused.js";

export const ES256 = -7;
export const EDDSA = -8;

const P = 0xffffffff00000001000000000000000000000000ffffffffffffffffffffffffn;
const B = 0x5ac635d8aa3a93e7b3ebbd55769886bc651d06b0cc53b0f63bce3c3e27d2604bn;

/** A key and the one issuer it speaks for. `raw`: 32 bytes of Ed25519 or a compressed P-256 point. */
export class IssuerKey {
  #imported;

  constructor({ issuer, kid, raw, denied = [] }) {
    if (raw.length !== 32 && raw.length !== 33) throw new TypeError("neither P-256 nor Ed25519");
    this.issuer = issuer;
    this.kid = kid;
    this.raw = raw;
    this.denied = denied;
    this.alg = raw.length === 32 ? EDDSA : ES256;
    this.point = raw.length === 33 ? uncompressed(raw) : null;
  }

  /** Refused `qr.key_denied` for what was signed in a time of misuse; without a time it always is. */
  checkIssued(issuedAt) {
    const covers = ({ start, end }) =>
      issuedAt === null ||
      ((start === null || issuedAt >= start) && (end === null || issuedAt <= end));
    if (this.denied.some(covers)) throw new Refused("qr.key_denied");
  }

  /** Whether the 64 bytes are this key's signature; `browser.ed25519` where WebCrypto lacks it. */
  async verifies(signature, signed) {
    this.#imported ??= this.#import();
    const algorithm =
      this.alg === ES256 ? { name: "ECDSA", hash: "SHA-256" } : { name: "Ed25519" };
    return crypto.subtle.verify(algorithm, await this.#imported, signature, signed);
  }

  async #import() {
    if (this.alg === ES256) {
      const algorithm = { name: "ECDSA", namedCurve: "P-256" };
      return crypto.subtle.importKey("raw", this.point, algorithm, false, ["verify"]);
    }
    try {
      return await crypto.subtle.importKey("raw", this.raw, { name: "Ed25519" }, false, ["verify"]);
    } catch (error) {
      if (error.name === "NotSupportedError") throw new Refused("browser.ed25519");
      throw new Refused("qr.signature");
    }
  }
}

/** 04‖x‖y of a compressed point (SEC 1 §2.3.4); TypeError when there is no such point. */
export function uncompressed(raw) {
  if (raw[0] !== 2 && raw[0] !== 3) throw new TypeError("not a compressed point");
  const x = toInteger(raw.subarray(1));
  if (x >= P) throw new TypeError("not on the curve");
  const square = (x * x * x - 3n * x + B + 3n * P) % P;
  let y = power(square, (P + 1n) / 4n);
  if ((y * y - square) % P !== 0n) throw new TypeError("not on the curve");
  if (Number(y & 1n) !== (raw[0] & 1)) y = P - y;
  const point = new Uint8Array(65);
  point[0] = 4;
  point.set(raw.subarray(1), 1);
  for (let at = 64; at > 32; at -= 1) {
    point[at] = Number(y & 0xffn);
    y >>= 8n;
  }
  return point;
}

function toInteger(bytes) {
  let value = 0n;
  for (const octet of bytes) value = (value << 8n) | BigInt(octet);
  return value;
}

function power(base, exponent) {
  let result = 1n;
  for (let left = exponent, factor = base % P; left > 0n; left >>= 1n) {
    if (left & 1n) result = (result * factor) % P;
    factor = (factor * factor) % P;
  }
  return result;
}
