/**
 * CBOR, the strict subset that signed codes need (RFC 8949; deterministic form of §4.2.1).
 *
 * Refused: indefinite lengths, forms that are not the shortest, floats, undefined, keys other than
 * integers and text, duplicate keys, tags that were not allowed, invalid UTF-8, deep nesting, bytes
 * after the item. Maps are Map, integers beyond 2^53 are BigInt.
 */

import { MAX_MESSAGE, compare, concat, encodeText } from "./bytes.js";
import { Refused } from "./refused.js";

const MAX_DEPTH = 8;
const WIDTH = { 24: 1, 25: 2, 26: 4, 27: 8 };
const SIMPLE = new Map([[20, false], [21, true], [22, null]]);
const KEY_TYPES = new Set([0, 1, 3]);
const strictUtf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

export class Tag {
  constructor(number, value) {
    this.number = number;
    this.value = value;
  }
}

export const isInteger = (value) => typeof value === "number" || typeof value === "bigint";
export const isText = (value) => typeof value === "string";
export const isBytes = (value) => value instanceof Uint8Array;

export function decode(data, { tags = [], maxSize = MAX_MESSAGE } = {}) {
  if (data.length > maxSize) throw refuse();
  const reader = { data, at: 0, tags };
  const value = item(reader, MAX_DEPTH);
  if (reader.at !== data.length) throw refuse();
  return value;
}

export function decodeMap(data, options) {
  const value = decode(data, options);
  if (!(value instanceof Map)) throw refuse();
  return value;
}

export function encode(value) {
  if (value === null || typeof value === "boolean") {
    return Uint8Array.of(value === null ? 0xf6 : value ? 0xf5 : 0xf4);
  }
  if (isInteger(value)) {
    const number = BigInt(value);
    return number >= 0n ? head(0, number) : head(1, -1n - number);
  }
  if (isBytes(value)) return concat(head(2, value.length), value);
  if (isText(value)) {
    const raw = encodeText(value);
    return concat(head(3, raw.length), raw);
  }
  if (value instanceof Tag) return concat(head(6, value.number), encode(value.value));
  if (Array.isArray(value)) return concat(head(4, value.length), ...value.map(encode));
  const pairs = Array.from(value, ([key, member]) => [encode(key), encode(member)]);
  pairs.sort(([left], [right]) => compare(left, right));
  return concat(head(5, pairs.length), ...pairs.flat());
}

function head(major, argument) {
  let rest = BigInt(argument);
  if (rest < 24n) return Uint8Array.of((major << 5) | Number(rest));
  const info = rest < 1n << 8n ? 24 : rest < 1n << 16n ? 25 : rest < 1n << 32n ? 26 : 27;
  const bytes = new Uint8Array(1 + WIDTH[info]);
  bytes[0] = (major << 5) | info;
  for (let at = bytes.length - 1; at > 0; at -= 1) {
    bytes[at] = Number(rest & 0xffn);
    rest >>= 8n;
  }
  return bytes;
}

function item(reader, depth) {
  const first = octet(reader);
  const major = first >> 5;
  const info = first & 31;
  if (major === 7) {
    if (!SIMPLE.has(info)) throw refuse();
    return SIMPLE.get(info);
  }
  const argument = info < 24 ? info : longArgument(reader, info);
  if (major === 0) return argument;
  if (major === 1) return small(-1n - BigInt(argument));
  if (major < 4) {
    const raw = take(reader, argument);
    return major === 2 ? raw : decodeText(raw);
  }
  if (depth === 0) throw refuse();
  if (major === 6) {
    if (!reader.tags.includes(argument)) throw refuse();
    return new Tag(argument, item(reader, depth - 1));
  }
  if (argument > reader.data.length - reader.at) throw refuse();
  return major === 4 ? list(reader, argument, depth - 1) : map(reader, argument, depth - 1);
}

function list(reader, count, depth) {
  const items = [];
  for (let done = 0; done < count; done += 1) items.push(item(reader, depth));
  return items;
}

function map(reader, count, depth) {
  const pairs = new Map();
  for (let done = 0; done < count; done += 1) {
    if (!KEY_TYPES.has(reader.data[reader.at] >> 5)) throw refuse();
    const key = item(reader, depth);
    if (pairs.has(key)) throw refuse();
    pairs.set(key, item(reader, depth));
  }
  return pairs;
}

function longArgument(reader, info) {
  const width = WIDTH[info];
  if (width === undefined) throw refuse();
  let argument = 0n;
  for (const next of take(reader, width)) argument = (argument << 8n) | BigInt(next);
  if (argument < (width === 1 ? 24n : 1n << BigInt(4 * width))) throw refuse();
  return small(argument);
}

function octet(reader) {
  if (reader.at >= reader.data.length) throw refuse();
  return reader.data[reader.at++];
}

function take(reader, size) {
  if (size > reader.data.length - reader.at) throw refuse();
  const end = reader.at + Number(size);
  const raw = reader.data.subarray(reader.at, end);
  reader.at = end;
  return raw;
}

function decodeText(raw) {
  try {
    return strictUtf8.decode(raw);
  } catch {
    throw refuse();
  }
}

/** The same integer always has the same type, so that map keys compare. */
function small(value) {
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : value;
}

const refuse = () => new Refused("qr.cbor");
