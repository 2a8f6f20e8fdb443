/**
 * What the verifier knows: its settings, the trust list and the status lists, and how old they are.
 *
 * Everything comes from the page's own origin and is kept on the device. Lists are signed: what
 * does not verify, or is older than what is held, never replaces anything.
 */

import { IssuerKeys } from "./core/issuers.js";
import { IssuerKey } from "./core/keys.js";
import { Refused } from "./core/refused.js";
import { MAX_TOKEN, StatusLists, verifyList } from "./core/status.js";
import { MAX_SIZE, checkAge, verifyTrustList } from "./core/trust_list.js";
import { fromHex, toHex } from "./core/bytes.js";

const CONFIG = "config.json";
const MAX_CONFIG = 1 << 20;
const ANY_AGE = Infinity; // ages are judged when a code is: a stale list still says that it is stale

class Unreachable extends Error {
  code = "page.unreachable";
}

export class Knowledge {
  #store;
  #statuses = new Map();

  constructor(store) {
    this.#store = store;
    this.config = null;
    this.trust = null;
    this.fetchedAt = null;
    this.problems = [];
  }

  /** Take up what was kept at the last visit. */
  async restore(at) {
    const kept = await this.#store.get("knowledge");
    if (!kept) return;
    this.#configure(kept.config);
    this.fetchedAt = kept.fetchedAt;
    if (kept.trust && this.config.trustList) await this.#takeTrust(kept.trust, at).catch(() => {});
    for (const { uri, bytes } of kept.statuses) await this.#takeStatus(uri, bytes, at).catch(() => {});
  }

  /** Ask the page's own origin for everything again; false where nothing answers. */
  async refresh(at) {
    let raw;
    this.problems = [];
    try {
      raw = JSON.parse(new TextDecoder().decode(await load(CONFIG, MAX_CONFIG)));
      this.#configure(raw);
    } catch (error) {
      this.problems.push(error instanceof Unreachable ? "page.unreachable" : "page.settings");
      return false;
    }
    const complete = await this.#refreshLists(at);
    if (complete) this.fetchedAt = at;
    const statuses = Array.from(this.#statuses.values(), ({ uri, bytes }) => ({ uri, bytes }));
    const kept = { config: raw, fetchedAt: this.fetchedAt, trust: this.trust?.bytes ?? null, statuses };
    await this.#store.put("knowledge", kept);
    return complete;
  }

  /** The keys believed at that time and how fresh that is; Refused when they are too old. */
  believed(at) {
    if (this.config === null) throw new Refused("page.no_settings");
    const { issuers, policy, trustList } = this.config;
    if (!trustList) return { keys: new IssuerKeys(issuers), freshness: "fresh" };
    if (this.trust === null) throw new Refused("page.no_trust");
    return { keys: this.#keys(), freshness: checkAge(this.trust, { at, maxStaleS: policy.maxStaleS }) };
  }

  get statuses() {
    return new StatusLists(this.#statuses.values(), { maxStaleS: this.config?.policy.maxStaleS ?? 0 });
  }

  /** One line per status list: {uri, issuedAt, freshUntil}. */
  get statusLists() {
    return [...this.#statuses.values()];
  }

  #configure(raw) {
    this.config = readConfig(raw);
    const expected = new Set(this.config.statuses.map(({ uri }) => uri));
    for (const uri of this.#statuses.keys()) if (!expected.has(uri)) this.#statuses.delete(uri);
    if (!this.config.trustList) this.trust = null;
  }

  async #refreshLists(at) {
    const { trustList, statuses } = this.config;
    const tasks = [];
    if (trustList) tasks.push(() => this.#fetchTrust(trustList, at));
    for (const { uri, path } of statuses) tasks.push(() => this.#fetchStatus(uri, path, at));
    for (const task of tasks) {
      try {
        await task();
      } catch (error) {
        if (!(error instanceof Refused || error instanceof Unreachable)) throw error;
        this.problems.push(error.code);
      }
    }
    return this.problems.length === 0;
  }

  async #fetchTrust(path, at) {
    await this.#takeTrust(await load(path, MAX_SIZE), at);
  }

  async #fetchStatus(uri, path, at) {
    await this.#takeStatus(uri, await load(path, MAX_TOKEN), at);
  }

  async #takeTrust(bytes, at) {
    const pinned = new IssuerKeys(this.config.publishers);
    const versions = (await this.#store.get("versions")) ?? {};
    const { publisher: name } = this.trust ?? {};
    const list = await verifyTrustList(bytes, pinned, { at, maxStaleS: ANY_AGE });
    const held = Math.max(versions[list.publisher] ?? 0, name === list.publisher ? this.trust.version : 0);
    if (list.version < held) throw new Refused("qr.trust_list_older");
    this.trust = { ...list, bytes };
    await this.#reconsiderStatuses(at);
    await this.#store.put("versions", { ...versions, [list.publisher]: Number(list.version) });
  }

  /** What another trust list says of the keys behind the status lists. */
  async #reconsiderStatuses(at) {
    for (const { uri, bytes } of [...this.#statuses.values()]) {
      this.#statuses.delete(uri);
      await this.#takeStatus(uri, bytes, at).catch(() => {});
    }
  }

  async #takeStatus(uri, bytes, at) {
    const list = await verifyList(bytes, this.#keys(), { uri, at, maxStaleS: ANY_AGE });
    const held = this.#statuses.get(uri);
    if (held && held.issuedAt > list.issuedAt) throw new Refused("page.status_older");
    this.#statuses.set(uri, { ...list, bytes });
  }

  /** Keys of the trust list, then pinned ones; the list's word on a key's misuse counts. */
  #keys() {
    const listed = this.trust?.keys ?? [];
    const name = ({ issuer, raw }) => `${issuer} ${toHex(raw)}`;
    const known = new Set(listed.map(name));
    return new IssuerKeys([...listed, ...this.config.issuers.filter((key) => !known.has(name(key)))]);
  }
}

async function load(path, maxSize) {
  const url = new URL(path, document.baseURI);
  const options = { cache: "no-store", credentials: "omit", redirect: "error" };
  const response = await fetch(url, options).catch(() => null);
  if (!response?.ok) throw new Unreachable();
  const bytes = new Uint8Array(await response.arrayBuffer());
  if (bytes.length > maxSize) throw new Refused("page.too_large");
  return bytes;
}

/** The settings as values; TypeError when they are not what the command writes. */
export function readConfig(raw) {
  if (raw.version !== 1) throw new TypeError("unknown version of the settings");
  const { max_stale_s: maxStaleS, max_age_s: maxAgeS, require_status: requireStatus } = raw.policy;
  return {
    audience: raw.audience,
    place: raw.place ?? "",
    purpose: raw.purpose ?? "",
    publishers: raw.publishers.map(readKey),
    issuers: raw.issuers.map(readKey),
    policy: { maxStaleS, maxAgeS, requireStatus },
    trustList: raw.trust_list,
    statuses: raw.statuses,
  };
}

const readKey = ({ issuer, kid, key }) =>
  new IssuerKey({ issuer, kid: fromHex(kid), raw: fromHex(key) });
