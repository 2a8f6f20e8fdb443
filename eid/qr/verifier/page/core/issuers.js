/** Whose keys are believed, and for which issuer: the key decides, never the message. */

import * as cose from "./cose.js";
import { toHex } from "./bytes.js";
import { Refused } from "./refused.js";

const MAX_CANDIDATES = 8; // kids are short, so two issuers may share one

export class IssuerKeys {
  #byKid = new Map();

  constructor(keys) {
    this.keys = [...keys];
    for (const key of this.keys) {
      const kid = toHex(key.kid);
      this.#byKid.set(kid, [...(this.#byKid.get(kid) ?? []), key]);
    }
  }

  /** The key that signed the message in the name of the issuer it claims. */
  async verify(message, issuer, externalAad) {
    const key = await this.signer(message, issuer, externalAad);
    if (key.issuer !== issuer) throw new Refused("qr.issuer_of_key");
    return key;
  }

  /** As `verify`, for messages that need not name their issuer; one that they name must fit. */
  async signerOfAnonymous(message, issuer, externalAad) {
    const key = await this.signer(message, issuer, externalAad);
    if (issuer !== null && key.issuer !== issuer) throw new Refused("qr.issuer_of_key");
    return key;
  }

  async signer(message, issuer, externalAad) {
    const tried = this.#tried(message, issuer);
    const fitting = tried.filter((key) => key.alg === message.alg);
    const keys = fitting.length ? fitting : tried;
    for (const key of keys.slice(0, -1)) {
      if (await signs(message, key, externalAad)) return key;
    }
    const last = keys[keys.length - 1];
    await cose.verify(message, last, externalAad);
    return last;
  }

  #tried(message, issuer) {
    const named = message.kid !== null;
    const tried = named
      ? (this.#byKid.get(toHex(message.kid)) ?? [])
      : this.keys.filter((key) => key.issuer === issuer);
    if (!tried.length) throw new Refused(named ? "qr.kid_unknown" : "qr.issuer_unknown");
    return tried.slice(0, MAX_CANDIDATES);
  }
}

async function signs(message, key, externalAad) {
  try {
    await cose.verify(message, key, externalAad);
    return true;
  } catch (error) {
    if (error.code === "qr.signature" || error.code === "qr.alg") return false;
    throw error;
  }
}
