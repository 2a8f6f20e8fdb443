/** The signed list of issuer keys: version, end, keys and the times of their misuse. */

import * as cose from "./cose.js";
import * as cwt from "./cwt.js";
import { isBytes, isInteger, isText } from "./cbor.js";
import { IssuerKey } from "./keys.js";
import { Refused } from "./refused.js";

const TYPE = "application/eid-trust-list+cose";
export const MAX_SIZE = 1 << 20;
const MAX_KEYS = 5_000;
const VERSION = -70_010;
const KEYS = -70_011;
const ISSUER = 1, KID = 2, KEY = 3, DENIED = 4;

/** {publisher, version, issuedAt, expiresAt, keys: [IssuerKey]}; a later version is never given up. */
export async function verifyTrustList(data, pinned, { at, heldVersion = 0, maxStaleS = 0 }) {
  const message = cose.parse(data, { maxSize: MAX_SIZE });
  if (message.typ !== TYPE) throw refuse();
  const claims = cwt.parseClaims(message.payload, { maxSize: MAX_SIZE });
  const publisher = await pinned.verify(message, claims.issuer);
  publisher.checkIssued(claims.issuedAt);
  cwt.checkBegun(claims, { at });
  const { issuedAt, expiresAt } = claims;
  const version = claims.every.get(VERSION);
  const entries = claims.every.get(KEYS);
  if (issuedAt === null || expiresAt === null || !isInteger(version) || version < 1) throw refuse();
  if (!Array.isArray(entries) || entries.length > MAX_KEYS) throw refuse();
  if (version < heldVersion) throw new Refused("qr.trust_list_older");
  const list = { publisher: publisher.issuer, version, issuedAt, expiresAt };
  checkAge(list, { at, maxStaleS });
  return { ...list, keys: entries.map(readEntry) };
}

/** "fresh" or "stale_accepted"; Refused `qr.trust_list_stale` past its end by more than allowed. */
export function checkAge({ expiresAt }, { at, maxStaleS }) {
  if (at > expiresAt + maxStaleS) throw new Refused("qr.trust_list_stale");
  return at > expiresAt ? "stale_accepted" : "fresh";
}

function readEntry(raw) {
  const known = raw instanceof Map && [...raw.keys()].every((key) => [1, 2, 3, 4].includes(key));
  if (!known) throw refuse();
  const [issuer, kid, key] = [ISSUER, KID, KEY].map((member) => raw.get(member));
  const windows = raw.has(DENIED) ? raw.get(DENIED) : [];
  if (!isText(issuer) || !isBytes(kid) || !isBytes(key)) throw refuse();
  if (!Array.isArray(windows) || !kid.length) throw refuse();
  try {
    return new IssuerKey({ issuer, kid, raw: key, denied: windows.map(readWindow) });
  } catch {
    throw refuse();
  }
}

function readWindow(raw) {
  const sides = Array.isArray(raw) && raw.length === 2 ? raw : [undefined];
  if (!sides.every((side) => side === null || isInteger(side))) throw refuse();
  return { start: sides[0], end: sides[1] };
}

const refuse = () => new Refused("qr.trust_list");
