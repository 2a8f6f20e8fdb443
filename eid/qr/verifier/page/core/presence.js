/** A presence code: this person is here now, for this relying party, once (own CWT profile). */

import * as base45 from "./base45.js";
import * as cbor from "./cbor.js";
import * as cose from "./cose.js";
import * as cwt from "./cwt.js";
import { concat, encodeText, equalInConstantTime, sha256, toHex } from "./bytes.js";
import { Refused } from "./refused.js";

export const CHALLENGE_SIZE = 16;
export const SKEW_S = 5;
const MAX_LIFE_S = 60;
const MIN_ID = 8;
const NONCE = 10;
const CHIP = -70_001;
const PURPOSE = encodeText("eid-presence-v1"); // signed along, never sent
const QUESTION = "EIDASK1:";
const BOUND = encodeText("eid-presence-question-v1");
const AUDIENCE = 3;
const PLACE = 11;
const WHY = 12;

/** What the verifier shows as a QR code: who asks, where and why, and a fresh challenge. */
export function question({ audience, challenge, place = "", purpose = "" }) {
  const words = [[PLACE, place], [WHY, purpose]].filter(([, word]) => word);
  const content = new Map([[AUDIENCE, audience], [NONCE, challenge], ...words]);
  return QUESTION + base45.encode(cbor.encode(content));
}

/** What the answer names: the challenge, or a digest of the question that has words. */
async function nonceOf({ audience, challenge, place = "", purpose = "" }) {
  if (!place && !purpose) return challenge;
  const framed = [audience, place, purpose].flatMap((word) => {
    const bytes = encodeText(word);
    return [Uint8Array.of(bytes.length >> 8, bytes.length & 0xff), bytes];
  });
  return (await sha256(concat(BOUND, ...framed, challenge))).slice(0, CHALLENGE_SIZE);
}

/**
 * Check a scanned code against what was asked ({audience, challenge, place, purpose}); it passes once.
 *
 * `seen.add(keys, {until, at})` remembers all keys in one step, false if one was there already.
 */
export async function verifyPresence(text, keys, asked, { at, seen }) {
  const message = cose.parse(base45.decode(text));
  const claims = cwt.parseClaims(message.payload);
  const key = await keys.signerOfAnonymous(message, claims.issuer, PURPOSE);
  const { nonce, ...presence } = contents(claims, key.issuer);
  key.checkIssued(claims.issuedAt);
  cwt.checkTimes(claims, { at, skewS: SKEW_S });
  if (presence.expiresAt - presence.issuedAt > MAX_LIFE_S) throw new Refused("qr.lifetime");
  if (claims.audience !== asked.audience) throw new Refused("qr.audience");
  if (!equalInConstantTime(nonce, await nonceOf(asked))) throw new Refused("qr.challenge");
  const once = [await memory(key.issuer, presence.id), await memory(key.issuer, nonce)];
  if (!(await seen.add(once, { until: presence.expiresAt + SKEW_S, at }))) {
    throw new Refused("qr.replayed");
  }
  return presence;
}

function contents(claims, issuer) {
  const nonce = claims.every.get(NONCE);
  const chip = claims.every.get(CHIP) ?? null;
  const complete =
    cbor.isBytes(claims.subject) &&
    cbor.isBytes(nonce) &&
    (chip === null || cbor.isBytes(chip)) &&
    claims.issuedAt !== null &&
    claims.expiresAt !== null &&
    claims.id !== null &&
    claims.id.length >= MIN_ID;
  if (!complete) throw new Refused("qr.presence");
  const { subject, issuedAt, expiresAt, id } = claims;
  return { issuer, subject, issuedAt, expiresAt, id, chip, nonce };
}

async function memory(issuer, part) {
  return toHex(await sha256(concat(encodeText(issuer), Uint8Array.of(0), part)));
}
