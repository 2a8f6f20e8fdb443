/**
 * COSE_Sign1, strictly: one signer, the algorithm from the key (RFC 9052 §4.2, §4.4).
 *
 * `alg` stands in the protected header, signatures have exactly 64 bytes, an unknown label in
 * `crit` is refused, and a label must not say two things in the two headers.
 */

import * as cbor from "./cbor.js";
import { MAX_MESSAGE, compare } from "./bytes.js";
import { Refused } from "./refused.js";

const ALG = 1;
const CRIT = 2;
const CONTENT_TYPE = 3;
const KID = 4;
const TYP = 16;
const UNDERSTOOD = new Set([ALG, CRIT, CONTENT_TYPE, KID, TYP]);
const TAG_SIGN1 = 18;
const TAG_CWT = 61;
const SIGNATURE_SIZE = 64;
const NOTHING = new Uint8Array();

/** Nothing in a message is proven before `verify` has passed. */
export function parse(data, { maxSize = MAX_MESSAGE } = {}) {
  const [protectedRaw, unprotected, payload, signature] = parts(data, maxSize);
  const headers = protectedRaw.length ? cbor.decodeMap(protectedRaw, { maxSize }) : new Map();
  checkHeaders(headers, unprotected);
  const alg = headers.get(ALG);
  if (!cbor.isInteger(alg)) throw new Refused("qr.cose.alg");
  const kid = (headers.has(KID) ? headers.get(KID) : unprotected.get(KID)) ?? null;
  const typ = headers.get(TYP) ?? null;
  const typFits = typ === null || cbor.isText(typ) || cbor.isInteger(typ);
  if (!(kid === null || cbor.isBytes(kid)) || !typFits) throw new Refused("qr.cose.headers");
  return { alg, kid, typ, payload, signature, protectedRaw };
}

export async function verify(message, key, externalAad = NOTHING) {
  if (message.alg !== key.alg) throw new Refused("qr.alg");
  if (message.signature.length !== SIGNATURE_SIZE) throw new Refused("qr.signature");
  const signed = cbor.encode(["Signature1", message.protectedRaw, externalAad, message.payload]);
  if (!(await key.verifies(message.signature, signed))) throw new Refused("qr.signature");
}

function parts(data, maxSize) {
  const value = untagged(cbor.decode(data, { tags: [TAG_SIGN1, TAG_CWT], maxSize }));
  const shape = [cbor.isBytes, (part) => part instanceof Map, cbor.isBytes, cbor.isBytes];
  const fits = Array.isArray(value) && value.length === 4 && shape.every((is, at) => is(value[at]));
  if (!fits) throw new Refused("qr.cose");
  return value;
}

function untagged(value) {
  let inner = value;
  if (inner instanceof cbor.Tag && inner.number === TAG_CWT) {
    inner = inner.value;
    if (!(inner instanceof cbor.Tag)) throw new Refused("qr.cose");
  }
  return inner instanceof cbor.Tag && inner.number === TAG_SIGN1 ? inner.value : inner;
}

function checkHeaders(headers, unprotected) {
  for (const [label, value] of headers) {
    if (!unprotected.has(label)) continue;
    const same = compare(cbor.encode(value), cbor.encode(unprotected.get(label))) === 0;
    if (!same) throw new Refused("qr.cose.headers");
  }
  if (unprotected.has(CRIT)) throw new Refused("qr.cose.crit");
  if (headers.has(CRIT)) checkCritical(headers.get(CRIT), headers);
}

function checkCritical(critical, headers) {
  if (!Array.isArray(critical) || !critical.length) throw new Refused("qr.cose.crit");
  for (const label of critical) {
    if (!UNDERSTOOD.has(label) || !headers.has(label)) throw new Refused("qr.cose.crit");
  }
}
