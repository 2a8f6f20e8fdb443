/** Base45, strictly: one text for each byte string (RFC 9285 §4). */

import { Refused } from "./refused.js";

const ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:";
const MAX_CHARS = 4296; // what the largest QR symbol holds
const DIGITS = new Map(Array.from(ALPHABET, (character, digit) => [character, digit]));

export function encode(bytes) {
  let text = "";
  for (let at = 0; at < bytes.length; at += 2) {
    const pair = at + 1 < bytes.length;
    const value = pair ? bytes[at] * 256 + bytes[at + 1] : bytes[at];
    text += ALPHABET[value % 45] + ALPHABET[Math.floor(value / 45) % 45];
    if (pair) text += ALPHABET[Math.floor(value / 2025)];
  }
  return text;
}

export function decode(text) {
  if (text.length > MAX_CHARS || text.length % 3 === 1) throw new Refused("qr.base45");
  const bytes = new Uint8Array(Math.floor(text.length / 3) * 2 + (text.length % 3 ? 1 : 0));
  let end = 0;
  for (let at = 0; at < text.length; at += 3) {
    const whole = at + 2 < text.length;
    const value = digit(text, at) + 45 * digit(text, at + 1) + (whole ? 2025 * digit(text, at + 2) : 0);
    if (value > (whole ? 0xffff : 0xff)) throw new Refused("qr.base45");
    if (whole) bytes[end++] = value >> 8;
    bytes[end++] = value & 0xff;
  }
  return bytes;
}

function digit(text, at) {
  const value = DIGITS.get(text[at]);
  if (value === undefined) throw new Refused("qr.base45");
  return value;
}
