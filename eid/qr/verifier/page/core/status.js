/** Token Status List: has a credential been withdrawn (draft-ietf-oauth-status-list, CWT form). */

import * as cose from "./cose.js";
import * as cwt from "./cwt.js";
import { isBytes, isInteger } from "./cbor.js";
import { inflate } from "./envelope.js";
import { Refused } from "./refused.js";

const TYPE = "application/statuslist+cwt";
export const MAX_TOKEN = 4 << 20;
const MAX_BYTES = 16 << 20;
const TTL_S = 12 * 3600;
const MAX_TTL_S = 366 * 86_400;
const CODES = ["", "qr.revoked", "qr.suspended"];

/** Check a list fetched from `uri`, or kept from there; {uri, issuer, issuedAt, freshUntil, status()}. */
export async function verifyList(data, keys, { uri, at, maxStaleS = 0 }) {
  const message = cose.parse(data, { maxSize: MAX_TOKEN });
  if (message.typ !== TYPE) throw new Refused("qr.status_list");
  const claims = cwt.parseClaims(message.payload, { maxSize: MAX_TOKEN });
  const key = await keys.signerOfAnonymous(message, claims.issuer);
  if (claims.subject !== uri) throw new Refused("qr.status_uri");
  key.checkIssued(claims.issuedAt);
  cwt.checkBegun(claims, { at });
  if (claims.issuedAt === null) throw new Refused("qr.status_list");
  const ages = claims.issuedAt + ttl(claims);
  const freshUntil = Math.min(claims.expiresAt ?? ages, ages);
  checkAge(freshUntil, at, maxStaleS);
  const { bits, content } = await statuses(claims.every.get(cwt.STATUS_LIST));
  return {
    uri,
    issuer: key.issuer,
    issuedAt: claims.issuedAt,
    freshUntil,
    status: (index) => entry(bits, content, Number(index)),
  };
}

/** The lists that this verifier holds, and how long after their time they still count. */
export class StatusLists {
  #byUri = new Map();

  constructor(lists, { maxStaleS = 0 } = {}) {
    this.maxStaleS = maxStaleS;
    for (const list of [...lists].sort((a, b) => a.issuedAt - b.issuedAt)) {
      this.#byUri.set(list.uri, list);
    }
  }

  /** {freshness: "fresh" | "stale_accepted", asOf} for one that still holds, else Refused. */
  answer({ uri, index }, { issuer, at }) {
    const list = this.#byUri.get(uri);
    if (list === undefined) throw new Refused("qr.status_unavailable");
    if (list.issuer !== issuer) throw new Refused("qr.status_issuer");
    const status = list.status(index);
    if (status !== 0) throw new Refused(CODES[status] ?? "qr.status_unknown");
    checkAge(list.freshUntil, at, this.maxStaleS);
    return { freshness: at > list.freshUntil ? "stale_accepted" : "fresh", asOf: list.issuedAt };
  }
}

async function statuses(raw) {
  const bits = raw instanceof Map ? raw.get("bits") : null;
  const packed = raw instanceof Map ? raw.get("lst") : null;
  if (![1, 2, 4, 8].includes(bits) || !isBytes(packed)) throw new Refused("qr.status_list");
  return { bits, content: await inflate(packed, MAX_BYTES) };
}

function entry(bits, content, index) {
  const at = Math.floor((index * bits) / 8);
  if (at >= content.length) throw new Refused("qr.status_index");
  return (content[at] >> (index * bits) % 8) & ((1 << bits) - 1);
}

function ttl(claims) {
  const raw = claims.every.has(cwt.TTL) ? claims.every.get(cwt.TTL) : TTL_S;
  if (!isInteger(raw) || raw <= 0 || raw > MAX_TTL_S) throw new Refused("qr.status_list");
  return raw;
}

function checkAge(freshUntil, at, maxStaleS) {
  if (at > freshUntil + maxStaleS) throw new Refused("qr.status_stale");
}
