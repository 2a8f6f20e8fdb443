/** CWT claims and their times (RFC 8392 §3). Times are epoch seconds; `at` may have fractions. */

import * as cbor from "./cbor.js";
import { MAX_MESSAGE, characters } from "./bytes.js";
import { Refused } from "./refused.js";

export const STATUS = 65535;
export const STATUS_LIST = 65533;
export const TTL = 65534;
export const DEFAULT_SKEW_S = 60;

const ISS = 1, SUB = 2, AUD = 3, EXP = 4, NBF = 5, IAT = 6, CTI = 7;
const TAG_ENCODED = 24;
const MAX_TEXT = 512;
const LATEST = 253_402_300_799;

export function parseClaims(payload, { maxSize = MAX_MESSAGE } = {}) {
  const every = cbor.decodeMap(payload, { tags: [TAG_ENCODED], maxSize });
  const subject = every.get(SUB) ?? null;
  const id = every.get(CTI) ?? null;
  const short =
    subject === null ||
    (cbor.isText(subject) && characters(subject) <= MAX_TEXT) ||
    (cbor.isBytes(subject) && subject.length <= MAX_TEXT);
  if (!short || !(id === null || (cbor.isBytes(id) && id.length <= 64))) throw new Refused("qr.cwt");
  return {
    issuer: text(every.get(ISS)),
    subject,
    audience: text(every.get(AUD)),
    expiresAt: time(every.get(EXP)),
    notBefore: time(every.get(NBF)),
    issuedAt: time(every.get(IAT)),
    id,
    every,
  };
}

/** Refuse a token outside its time, also one whose end nobody knows. */
export function checkTimes(claims, { at, skewS = DEFAULT_SKEW_S, maxAgeS = null }) {
  const { issuedAt, expiresAt, notBefore } = claims;
  const now = Math.floor(at);
  const limited = maxAgeS !== null && issuedAt !== null;
  if (expiresAt === null && !limited) throw new Refused("qr.no_expiry");
  checkBegun(claims, { at, skewS });
  if (expiresAt !== null && now >= expiresAt + skewS) throw new Refused("qr.expired");
  if (limited && now > issuedAt + maxAgeS + skewS) throw new Refused("qr.too_old");
  if (expiresAt !== null && expiresAt <= Math.max(issuedAt ?? 0, notBefore ?? 0)) {
    throw new Refused("qr.times");
  }
}

export function checkBegun({ issuedAt, notBefore }, { at, skewS = DEFAULT_SKEW_S }) {
  const latest = Math.floor(at) + skewS;
  if (issuedAt !== null && issuedAt > latest) throw new Refused("qr.issued_in_future");
  if (notBefore !== null && notBefore > latest) throw new Refused("qr.not_yet_valid");
}

function text(value = null) {
  if (value === null || (cbor.isText(value) && characters(value) <= MAX_TEXT)) return value;
  throw new Refused("qr.cwt");
}

function time(value = null) {
  if (value === null || (cbor.isInteger(value) && value >= 0 && value <= LATEST)) return value;
  throw new Refused("qr.cwt");
}
