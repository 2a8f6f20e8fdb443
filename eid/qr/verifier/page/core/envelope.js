/** Text of a credential → COSE bytes: base45 around zlib, inflated with a bound (RFC 1950 §2.2). */

import * as base45 from "./base45.js";
import { compare, concat } from "./bytes.js";
import { Refused } from "./refused.js";

const MAX_INFLATED = 64 * 1024;
const CHECKSUM = 4;
const SLICE = 256; // fed at once: inflates to at most a quarter of a megabyte before the bound is asked

export async function unpack(text) {
  const stream = base45.decode(text);
  const content = await inflate(stream);
  const last = stream[stream.length - CHECKSUM - 1];
  if (last) {
    // Unused bits at the end must be zero, else several texts would stand for one message.
    const cleared = stream.slice();
    cleared[stream.length - CHECKSUM - 1] = last & ~(1 << (31 - Math.clz32(last)));
    if (await inflatesTo(cleared, content)) throw new Refused("qr.zlib");
  }
  return content;
}

/** Inflate one whole zlib stream of at most maxSize bytes of content; nothing may follow it. */
export async function inflate(stream, maxSize = MAX_INFLATED) {
  const inflater = new DecompressionStream("deflate");
  const fed = feed(inflater.writable, stream);
  fed.catch(() => {}); // the reader below meets the same failure
  const reader = inflater.readable.getReader();
  const parts = [];
  let size = 0;
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) break;
      size += value.length;
      if (size > maxSize) throw new Refused("qr.zlib");
      parts.push(value);
    }
    await fed;
  } catch (error) {
    reader.cancel().catch(() => {});
    throw error instanceof Refused ? error : new Refused("qr.zlib");
  }
  return concat(...parts);
}

async function feed(writable, stream) {
  const writer = writable.getWriter();
  for (let at = 0; at < stream.length; at += SLICE) {
    await writer.ready;
    await writer.write(stream.subarray(at, at + SLICE));
  }
  await writer.close();
}

async function inflatesTo(stream, content) {
  try {
    return compare(await inflate(stream, content.length), content) === 0;
  } catch {
    return false;
  }
}
