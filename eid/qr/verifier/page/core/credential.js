/** Verify a Claim 169 credential offline (id-claim-169 1.2.0; RFC 8392). */

import * as cbor from "./cbor.js";
import * as cose from "./cose.js";
import * as cwt from "./cwt.js";
import { characters } from "./bytes.js";
import { parseIdentity } from "./claim169.js";
import { unpack } from "./envelope.js";
import { Refused } from "./refused.js";

const CLAIM = 169;
const TAG_ENCODED = 24;
const MAX_URI = 512;

/**
 * What the text says if its signature, issuer and times hold, else Refused.
 *
 * `keys` are IssuerKeys, `statuses` answers for status references (StatusLists) or is null,
 * `policy` is {maxAgeS, requireStatus}. Whoever shows the code is only its bearer.
 */
export async function verifyCredential(text, keys, { at, policy = {}, statuses = null }) {
  const message = cose.parse(await unpack(text));
  const claims = cwt.parseClaims(message.payload);
  const key = await keys.verify(message, claims.issuer);
  key.checkIssued(claims.issuedAt);
  cwt.checkTimes(claims, { at, maxAgeS: policy.maxAgeS ?? null });
  const { claim, wrapped } = claimMap(claims);
  const parsed = parseIdentity(claim);
  const status = statusReference(claims);
  if (policy.requireStatus && (status === null || statuses === null)) {
    throw new Refused("qr.status_missing");
  }
  const asked = status !== null && statuses !== null;
  const codes = [message.kid === null && "kid.absent", wrapped && "claim169.wrapped"];
  return {
    ...parsed,
    issuer: key.issuer,
    subject: claims.subject,
    issuedAt: claims.issuedAt,
    expiresAt: claims.expiresAt,
    status,
    statusAnswer: asked ? statuses.answer(status, { issuer: key.issuer, at }) : null,
    findings: [...codes.filter(Boolean).map((code) => ({ code, key: null })), ...parsed.findings],
  };
}

/** The claim status.status_list (Token Status List §6.2). */
export function statusReference(claims) {
  const raw = claims.every.get(cwt.STATUS) ?? null;
  if (raw === null) return null;
  const place = raw instanceof Map ? raw.get("status_list") : null;
  const index = place instanceof Map ? place.get("idx") : null;
  const uri = place instanceof Map ? place.get("uri") : null;
  const fits = cbor.isInteger(index) && index >= 0 && cbor.isText(uri) && characters(uri) <= MAX_URI;
  if (!fits) throw new Refused("qr.status");
  return { uri, index };
}

function claimMap(claims) {
  let raw = claims.every.get(CLAIM);
  if (raw instanceof Map) return { claim: raw, wrapped: false };
  if (raw instanceof cbor.Tag && raw.number === TAG_ENCODED) raw = raw.value;
  if (cbor.isBytes(raw)) return { claim: cbor.decodeMap(raw), wrapped: true };
  throw new Refused("qr.claim169");
}
