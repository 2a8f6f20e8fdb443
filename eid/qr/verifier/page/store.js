/** What this device keeps between visits (IndexedDB): settings and lists, and used presence codes. */

const NAME = "eid-verifier";
const VERSION = 1;
const KEPT = "kept";
const SEEN = "seen";
const REMEMBER_S = 7 * 86_400; // past their end, in case the clock of the device is set back

export class Store {
  #database;

  constructor(database) {
    this.#database = database;
  }

  static async open(factory = indexedDB) {
    const opening = factory.open(NAME, VERSION);
    opening.onupgradeneeded = () => {
      opening.result.createObjectStore(KEPT);
      opening.result.createObjectStore(SEEN).createIndex("until", "until");
    };
    return new Store(await answer(opening));
  }

  async get(key) {
    return answer(this.#database.transaction(KEPT).objectStore(KEPT).get(key));
  }

  async put(key, value) {
    const transaction = this.#database.transaction(KEPT, "readwrite");
    transaction.objectStore(KEPT).put(value, key);
    await finished(transaction);
  }

  /** Remember all keys in one step, on disk; false if any was there already, also from another tab. */
  async add(keys, { until, at }) {
    const transaction = this.#database.transaction(SEEN, "readwrite", { durability: "strict" });
    const seen = transaction.objectStore(SEEN);
    const found = await Promise.all(keys.map((key) => answer(seen.get(key))));
    const fresh = found.every((entry) => entry === undefined);
    if (fresh) {
      for (const key of keys) seen.put({ until }, key);
      forget(seen.index("until"), at - REMEMBER_S);
    }
    await finished(transaction);
    return fresh;
  }
}

function forget(index, before) {
  const walking = index.openCursor(IDBKeyRange.upperBound(before, true));
  walking.onsuccess = () => {
    walking.result?.delete();
    walking.result?.continue();
  };
}

function answer(request) {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
}

function finished(transaction) {
  return new Promise((resolve, reject) => {
    transaction.oncomplete = () => resolve();
    transaction.onerror = () => reject(transaction.error);
    transaction.onabort = () => reject(transaction.error);
  });
}
