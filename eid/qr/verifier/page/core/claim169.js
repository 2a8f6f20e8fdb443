/**
 * The identity map of MOSIP Claim 169 and our private keys in it (id-claim-169 1.2.0 §3).
 *
 * Shapes that others really print are understood, each with a finding; what is not understood is
 * kept in `unknown`, never dropped.
 */

import * as fields from "./fields.js";
import { isBytes, isInteger, isText } from "./cbor.js";

const FACE = 62;
const IMAGE = 16;
const IMAGE_FORMAT = 17;

export const FIELDS = new Map([
  [1, ["number", fields.text(64)]],
  [2, ["version", fields.text(16)]],
  [3, ["language", fields.language]],
  [4, ["name", fields.text(200)]],
  [5, ["first_name", fields.text(100)]],
  [6, ["middle_name", fields.text(100)]],
  [7, ["last_name", fields.text(100)]],
  [8, ["birth_date", fields.date]],
  [9, ["sex", fields.sex]],
  [10, ["residence", fields.text(512, { lines: true })]],
  [11, ["email", fields.text(254)]],
  [12, ["phone", fields.formed(40, /^\+?[0-9 ().-]+$/)]],
  [13, ["nationality", fields.formed(3, /^[A-Z]{2,3}$/)]],
  [14, ["marital_status", fields.between(1, 3)]],
  [15, ["guardian", fields.text(400)]],
  [16, ["image", fields.octets(4096)]],
  [17, ["image_format", fields.between(1, 4)]],
  [18, ["best_fingers", fields.integers]],
  [19, ["second_name", fields.text(200)]],
  [20, ["second_language", fields.language]],
  [21, ["location_code", fields.text(64)]],
  [22, ["legal_status", fields.text(64)]],
  [23, ["issuing_country", fields.formed(3, /^[A-Z]{2,3}$/)]],
  [24, ["origin", fields.text(512, { lines: true })]],
  [25, ["issue_date", fields.date]],
  [26, ["old_number", fields.formed(16, /^[0-9]{9,12}$/)]],
  [27, ["ethnicity", fields.text(64)]],
  [28, ["religion", fields.text(64)]],
  [29, ["level", fields.formed(8, /^[0-2]$/)]],
  [30, ["sod_binding", fields.octets(32)]],
  [31, ["insurance_number", fields.formed(20, /^[A-Z0-9]{10,15}$/)]],
  [32, ["age_over", fields.between(1, 150)]],
]);

/** {identity: {field: value}, biometrics: Map, portrait, findings, unknown: Map}; Refused `qr.text`. */
export function parseIdentity(claim) {
  const identity = {};
  const biometrics = new Map();
  const unknown = new Map();
  const findings = [];
  for (const [key, raw] of claim) {
    const number = isInteger(key) ? key : null;
    const row = FIELDS.get(key);
    const value = row && row[1](raw);
    const items = !row && key >= 50 && key <= 65 && isInteger(key) ? biometric(raw) : null;
    if (value) {
      identity[row[0]] = value.value;
      findings.push(...value.odd.map((code) => ({ code, key: number })));
    } else if (items) {
      biometrics.set(key, items.found);
      if (items.bare) findings.push({ code: "biometric.bare_map", key: number });
    } else {
      unknown.set(key, raw);
      findings.push({ code: row ? "field.not_understood" : "field.unknown", key: number });
    }
  }
  if ("image_format" in identity && !("image" in identity)) {
    findings.push({ code: "image.missing", key: IMAGE_FORMAT });
  }
  const faces = biometrics.get(FACE) ?? [];
  const portrait = faces.length ? faces[0].data : (identity.image ?? null);
  return { identity, biometrics, portrait, findings, unknown };
}

function biometric(raw) {
  const bare = raw instanceof Map;
  const items = bare ? [raw] : raw;
  if (!Array.isArray(items) || !items.length || items.length > fields.MAX_ITEMS) return null;
  const found = items.map(oneBiometric);
  return found.every(Boolean) ? { found, bare } : null;
}

function oneBiometric(raw) {
  if (!(raw instanceof Map) || ![...raw.keys()].every((key) => [0, 1, 2, 3].includes(key))) {
    return null;
  }
  const data = raw.get(0);
  const [format, subformat, issuer] = [1, 2, 3].map((key) => raw.get(key) ?? null);
  if (!isBytes(data) || !(issuer === null || isText(issuer))) return null;
  if (![format, subformat].every((value) => value === null || isInteger(value))) return null;
  const shown = issuer === null ? null : fields.shownText(issuer, 200);
  return { data, format, subformat, issuer: shown };
}
