/**
 * Keeps the page on the device, so that it works without a network.
 *
 * Every file is stored only if it has the hash below, so a cache holds one whole version or none.
 * Settings and lists are not kept here: the page keeps them itself, once they verify. A new version
 * takes over when all windows of the old one are closed.
 */

// Both are written by scripts/seal_verifier.py; a test compares them with the files.
const VERSION = "258e6f8f263978b8";
const FILES = {
  "app.js": "sha256-qEg8IMAhhiR6QksXbuLcTIy1XJaAKGI3M5IGWxIfdt8=",
  "camera.js": "sha256-1gUeAQ4ZwWl4uq0jVRbc4u3VJ/hATvbiarUJcDSXzzQ=",
  "core/base45.js": "sha256-umGqEHSyGC7McQUTn//g0TQlOAxn7oGxEs8VXzg3Pnk=",
  "core/bytes.js": "sha256-sW7KIeiA/y0UX9SdmfPkHQgqGcZm6QBfwoJTYiRbdP0=",
  "core/cbor.js": "sha256-hHSu6e2zbIsozEt8EpsRRs0aS5dTuAdYoSJEzoMRTOM=",
  "core/claim169.js": "sha256-awFHyFPNyAwBG+D1Xey+kxm8AmABePkeZVzzvmbi/BI=",
  "core/cose.js": "sha256-/Mw7JsFlAT9Y0h1FEqvPAb7GGO1DzgcUalyvzaO2tpk=",
  "core/credential.js": "sha256-A/BnY4Mlp+HqabAy6yWOK0h83HgAAUlE+u7Ws82ZUEA=",
  "core/cwt.js": "sha256-p6N2cLrY2aGLYwF9dr8cwUtBhdiiKq4hlRfqZYMZFrY=",
  "core/envelope.js": "sha256-OMRGfgrrNlJVWDPob4nZbSHW3XCFsT/hoasXKtAaxF8=",
  "core/fields.js": "sha256-zh6oGCUBGhAYzYEJWtawQtkHM+O75CZYGAGhmfPrsM4=",
  "core/issuers.js": "sha256-qtLqtoRVuRHGuvn6mgCOea/uor7nBKrl0bblZd/Ah7Q=",
  "core/keys.js": "sha256-Rdfc5tnbnO2EYi8eujnvWsT2aE4DREgvl9URpe8Rw6g=",
  "core/presence.js": "sha256-E9XVJZmhfwJGmWOodX3jNkPMQ9lvfn/9k8ddJ0ebOeA=",
  "core/qr_writer.js": "sha256-jUZplKh3EB+VAiJFlPsX/OToZDz46KEikQN/rLhgnns=",
  "core/refused.js": "sha256-iEGc3/YhygvI32xQNueb9JdUGmE7VIAZbv3cAs13Gs0=",
  "core/status.js": "sha256-pJpJAI8NAhOKMJcfdKiWdW/82aUfyJlvNB5npwVFJ4I=",
  "core/trust_list.js": "sha256-Q9N9s0Y8pdDF+cJ1STao2AMI1cjf3wPXQ5GSUKM1eHg=",
  "decode_worker.js": "sha256-VqDXZXfVFUPkvSn1C/BaQ9n2Yo5E8c3D56cKiv5wmSM=",
  "icon-192.png": "sha256-RnMx2q7bLP/U5/aJgepZmDVjqK2efEsFbC/B5DcRouE=",
  "icon-512.png": "sha256-LwZM9kYVFHo049KEkqG6+b6pBPRGWFDjUNcFbcQp7aE=",
  "icon.svg": "sha256-9Nl/J9EGYaLeACny77Zev0N1QvIfIfdZmjUP4A8Ek9Y=",
  "index.html": "sha256-udOPCAtuDBbgGk13oRw46/lFnaf4ILm0hz3Yb3GplmQ=",
  "judge.js": "sha256-MS/RGp9RLh6Q8nvXgt6IknaNJV/+H9o636ReKcSDB2Y=",
  "knowledge.js": "sha256-24IF1vOJCdJ0ZOQCPTdrfAnYuJmTupGTpGkxMfgu+sM=",
  "manifest.webmanifest": "sha256-VExup20tUndCTpiP8VcSMxFZ+URV8cl1fqsfP8eR1ew=",
  "screen.js": "sha256-iUt6vUn2Nx7PoWYQKgTS2USKYDmNVgM+RFG7Y26dai0=",
  "store.js": "sha256-5yWA7lpS9vZzaf64cP21Jr3Wc0xulAI3Gavq25M4wwg=",
  "style.css": "sha256-YnHNM6KjMKIRVamsG0aEOwuGOEL7Hv29TAhcF6L2LVQ=",
  "texts.js": "sha256-m85lbV4o52XGvec37uEK0g1BvoOAWEDJQvwFwEUnp9E=",
  "vendor/zxing-wasm/es/reader/index.js": "sha256-2QxpqCev87fIyMoxDv6+kWce8Hb3oOyDciv8VCgU9IQ=",
  "vendor/zxing-wasm/es/share.js": "sha256-CIaPt3CwpOS56z1xcBXNX7886wZJLUyy0t0nOdsRiQ8=",
  "vendor/zxing-wasm/reader/zxing_reader.wasm": "sha256-6K8x7bVtBSL03nRJWDk4XvAZuovJDTjl7LLxh5XYb7I=",
};

const PREFIX = "eid-verifier-";
const NAME = PREFIX + VERSION;
const START = "index.html";

async function keep() {
  const cache = await caches.open(NAME);
  await Promise.all(
    Object.entries(FILES).map(async ([path, integrity]) => {
      const response = await fetch(path, { cache: "reload", integrity, redirect: "error" });
      if (!response.ok) throw new Error("a file of the page is missing");
      await cache.put(path, response);
    }),
  );
}

async function forgetOthers() {
  const names = await caches.keys();
  const old = names.filter((name) => name.startsWith(PREFIX) && name !== NAME);
  await Promise.all(old.map((name) => caches.delete(name)));
}

/** The path inside the page's folder; the folder itself is its start page. */
function pathOf(request) {
  const folder = new URL("./", self.location.href);
  const url = new URL(request.url);
  if (url.origin !== folder.origin || !url.pathname.startsWith(folder.pathname)) return null;
  return url.pathname.slice(folder.pathname.length) || START;
}

async function kept(path, request) {
  const cache = await caches.open(NAME);
  return (await cache.match(path)) ?? fetch(request);
}

self.addEventListener("install", (event) => event.waitUntil(keep()));
self.addEventListener("activate", (event) =>
  event.waitUntil(forgetOthers().then(() => self.clients.claim())),
);
self.addEventListener("fetch", (event) => {
  const path = event.request.method === "GET" ? pathOf(event.request) : null;
  if (path !== null && path in FILES) event.respondWith(kept(path, event.request));
});
