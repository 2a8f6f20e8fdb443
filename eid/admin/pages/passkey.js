// The one script of the counter: it hands the server's question to the passkey and the answer back.
"use strict";

const toBytes = (text) =>
  Uint8Array.from(atob(text.replace(/-/g, "+").replace(/_/g, "/")), (c) => c.charCodeAt(0));
const toText = (buffer) =>
  btoa(String.fromCharCode(...new Uint8Array(buffer)))
    .replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");
const withBytes = (list) => (list ?? []).map((one) => ({ ...one, id: toBytes(one.id) }));

async function ask(kind, { publicKey }) {
  const asked = { ...publicKey, challenge: toBytes(publicKey.challenge) };
  if (kind === "create") {
    asked.user = { ...asked.user, id: toBytes(asked.user.id) };
    asked.excludeCredentials = withBytes(asked.excludeCredentials);
    return navigator.credentials.create({ publicKey: asked });
  }
  asked.allowCredentials = withBytes(asked.allowCredentials);
  return navigator.credentials.get({ publicKey: asked });
}

function answer(credential) {
  const response = {};
  for (const name of ["clientDataJSON", "attestationObject", "authenticatorData", "signature", "userHandle"]) {
    if (credential.response[name]) response[name] = toText(credential.response[name]);
  }
  return JSON.stringify({
    id: credential.id, rawId: toText(credential.rawId), type: credential.type, response,
    clientExtensionResults: credential.getClientExtensionResults(),
  });
}

const passkey = document.getElementById("passkey");
if (passkey) {
  passkey.querySelector("button").disabled = false;
  passkey.addEventListener("submit", async (event) => {
    event.preventDefault();
    try {
      const credential = await ask(passkey.dataset.kind, JSON.parse(passkey.dataset.options));
      passkey.elements.response.value = answer(credential);
      passkey.submit();
    } catch {
      document.getElementById("passkey-problem").hidden = false;
    }
  });
}

const enrolment = document.getElementById("enrol");
if (enrolment && location.hash.length > 1) {
  enrolment.elements.code.value = location.hash.slice(1);
  history.replaceState(null, "", location.pathname);
}
