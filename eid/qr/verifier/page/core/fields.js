/** How values of a Claim 169 map are read, and what is odd about them (1.2.0 §3.2). */

import { isBytes, isInteger, isText } from "./cbor.js";
import { characters } from "./bytes.js";
import { Refused } from "./refused.js";

export const MAX_ITEMS = 10;
const SEXES = new Map([[1, "M"], [2, "F"], [3, "X"]]);
const HIDDEN =
  /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u00ad\u061c\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\ufffe\uffff\u{e0000}-\u{e007f}]/u;

/** NFC of a text that may be shown; Refused `qr.text` if it hides something or is too long. */
export function shownText(value, limit, { lines = false } = {}) {
  const hides = HIDDEN.test(value) || (!lines && value.includes("\n"));
  if (characters(value) > limit || hides) throw new Refused("qr.text");
  return value.normalize("NFC");
}

/** A reader gives {value, odd} or null for a value that it does not understand. */
const read = (value, ...odd) => ({ value, odd });

export const text = (limit, { lines = false } = {}) => (raw) => {
  if (!isText(raw)) return null;
  const shown = shownText(raw, limit, { lines });
  const markup = /[<>]/.test(shown) ? ["text.markup"] : [];
  return read(shown, ...markup, ...(/^[=+\-@]/.test(shown) ? ["text.formula"] : []));
};

export const formed = (limit, form) => (raw) =>
  isText(raw) && characters(raw) <= limit && form.test(raw) ? read(raw) : null;

export const octets = (limit) => (raw) =>
  isBytes(raw) && raw.length > 0 && raw.length <= limit ? read(raw) : null;

export const between = (low, high) => (raw) =>
  isInteger(raw) && raw >= low && raw <= high ? read(raw) : null;

export function date(raw) {
  const match = isText(raw) && /^([0-9]{4})(-?)([0-9]{2})\2([0-9]{2})$/.exec(raw);
  if (!match) return null;
  const [, year, dash, month, day] = match;
  const iso = `${year}-${month}-${day}`;
  const instant = new Date(`${iso}T00:00:00Z`);
  const real = !Number.isNaN(instant.valueOf()) && instant.toISOString().startsWith(iso);
  return real && year !== "0000" ? read(iso, ...(dash ? ["date.dashes"] : [])) : null;
}

export function sex(raw) {
  if (isText(raw) && /^[123]$/.test(raw)) return read(SEXES.get(Number(raw)), "sex.text");
  return SEXES.has(raw) ? read(SEXES.get(raw)) : null;
}

export function language(raw) {
  if (!isText(raw) || !/^[A-Za-z]{2,3}$/.test(raw)) return null;
  return read(raw, ...(/^[a-z]{3}$/.test(raw) ? [] : ["language.not_iso_639_3"]));
}

export function integers(raw) {
  const fits = Array.isArray(raw) && raw.length <= MAX_ITEMS && raw.every(isInteger);
  return fits ? read(raw) : null;
}

/** A text that nobody has vetted, with what hides in it made visible. */
export const visible = (value) =>
  value.replace(new RegExp(HIDDEN, "gu"), (hidden) => {
    const point = hidden.codePointAt(0).toString(16).toUpperCase().padStart(4, "0");
    return `⟨U+${point}⟩`;
  });
