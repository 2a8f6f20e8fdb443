"use strict";
// The only script of these pages: it hands the server's options to the authenticator, and its
// answer to the form. It reads nothing else, keeps nothing, and sends nothing by itself.

const bytes = (text) =>
  Uint8Array.from(atob(text.replace(/-/g, "+").replace(/_/g, "/")), (one) => one.charCodeAt(0));

const text = (buffer) =>
  btoa(String.fromCharCode(...new Uint8Array(buffer)))
    .replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");

const listed = (credentials) =>
  (credentials || []).map((one) => ({ ...one, id: bytes(one.id) }));

async function create(options) {
  const made = await navigator.credentials.create({
    publicKey: {
      ...options,
      challenge: bytes(options.challenge),
      user: { ...options.user, id: bytes(options.user.id) },
      excludeCredentials: listed(options.excludeCredentials),
    },
  });
  return [made, {
    clientDataJSON: text(made.response.clientDataJSON),
    attestationObject: text(made.response.attestationObject),
  }];
}

async function get(options) {
  const used = await navigator.credentials.get({
    publicKey: {
      ...options,
      challenge: bytes(options.challenge),
      allowCredentials: listed(options.allowCredentials),
    },
  });
  const holder = used.response.userHandle;
  return [used, {
    clientDataJSON: text(used.response.clientDataJSON),
    authenticatorData: text(used.response.authenticatorData),
    signature: text(used.response.signature),
    ...(holder ? { userHandle: text(holder) } : {}),
  }];
}

const form = document.getElementById("passkey");
const problem = document.getElementById("passkey-problem");

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  problem.hidden = true;
  try {
    const options = JSON.parse(form.dataset.options).publicKey;
    const [credential, response] = await (form.dataset.ceremony === "create" ? create : get)(options);
    form.elements.response.value = JSON.stringify({
      id: credential.id, rawId: text(credential.rawId), type: credential.type, response,
    });
    form.submit();
  } catch {
    problem.hidden = false;
  }
});
