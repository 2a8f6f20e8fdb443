/** One scanned text → one verdict: green, amber or red, with the code that says why. */

import * as base45 from "./core/base45.js";
import { verifyCredential } from "./core/credential.js";
import { verifyPresence } from "./core/presence.js";
import { Refused } from "./core/refused.js";
import { equalInConstantTime } from "./core/bytes.js";

const OTHER_FORMATS = /^(?:HC1:|RDB1|shc:\/|EIDASK1:|https?:)/i;
const PRINTED_CARD = /^[0-9]{12}\|/;

/** "credential", "presence", or the code of why it is neither. */
export function kindOf(text) {
  if (PRINTED_CARD.test(text)) return "page.printed_card";
  if (OTHER_FORMATS.test(text)) return "page.other_format";
  let bytes;
  try {
    bytes = base45.decode(text);
  } catch {
    return "page.not_ours";
  }
  const zlib = bytes.length > 1 && (bytes[0] & 15) === 8 && (bytes[0] * 256 + bytes[1]) % 31 === 0;
  if (zlib) return "credential";
  return bytes[0] === 0xd2 || bytes[0] === 0xd8 || bytes[0] === 0x84 ? "presence" : "page.not_ours";
}

/**
 * {level, code, kind, credential | presence, trust, status} for a text scanned at that time.
 *
 * `asked` is {audience, challenge} or null, `seen` the memory of presence codes or null,
 * `holder` {issuer, subject} of the credential that the presence must belong to, or null.
 */
export async function judge(text, knowledge, { at, asked = null, seen = null, holder = null }) {
  const kind = kindOf(text);
  const verdict = { kind, at, level: "red", code: null, trust: null, status: null };
  try {
    if (kind === "credential") return await judgeCredential(text, knowledge, verdict);
    if (kind === "presence") return await judgePresence(text, knowledge, verdict, { asked, seen, holder });
    throw new Refused(kind);
  } catch (error) {
    return { ...verdict, code: error instanceof Refused ? error.code : "page.failed" };
  }
}

async function judgeCredential(text, knowledge, verdict) {
  const { at } = verdict;
  const { keys, freshness } = knowledge.believed(at);
  const { policy } = knowledge.config;
  const credential = await verifyCredential(text, keys, { at, policy, statuses: knowledge.statuses });
  const status = credential.statusAnswer;
  const stale = freshness !== "fresh" || (status !== null && status.freshness !== "fresh");
  return accepted({ ...verdict, credential, trust: freshness, status }, stale);
}

async function judgePresence(text, knowledge, verdict, { asked, seen, holder }) {
  const { at } = verdict;
  const { keys, freshness } = knowledge.believed(at);
  if (asked === null) throw new Refused("page.not_asked");
  if (seen === null) throw new Refused("page.no_memory");
  const presence = await verifyPresence(text, keys, asked, { at, seen });
  if (holder !== null && !isHolder(presence, holder)) throw new Refused("page.other_holder");
  return accepted({ ...verdict, presence, trust: freshness }, freshness !== "fresh");
}

function isHolder(presence, { issuer, subject }) {
  const known = subject instanceof Uint8Array && presence.issuer === issuer;
  return known && equalInConstantTime(presence.subject, subject);
}

function accepted(verdict, stale) {
  const code = stale ? "page.accepted_stale" : "page.accepted";
  return { ...verdict, code, level: stale ? "amber" : "green" };
}
