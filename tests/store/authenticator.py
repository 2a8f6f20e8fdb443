"""A passkey authenticator in software, from the client's side of WebAuthn."""

from __future__ import annotations

import hashlib
import json
import secrets
import struct

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from fido2 import cbor

from eid.keys import encode_base64url


class Authenticator:
    def __init__(self, *, verifies_user=False, counts=True):
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.id = secrets.token_bytes(16)
        self.count = 0
        self.user = None
        self.counts = counts
        self.flags = 0x05 if verifies_user else 0x01

    def _data(self, rp_id, *, attested):
        self.count += self.counts
        numbers = self.key.public_key().public_numbers()
        cose = {1: 2, 3: -7, -1: 1, -2: numbers.x.to_bytes(32), -3: numbers.y.to_bytes(32)}
        flags = self.flags | (0x40 if attested else 0)
        data = hashlib.sha256(rp_id.encode()).digest() + struct.pack(">BI", flags, self.count)
        if attested:
            data += bytes(16) + struct.pack(">H", len(self.id)) + self.id + cbor.encode(cose)
        return data

    def _client_data(self, kind, challenge, origin):
        return json.dumps({"type": kind, "challenge": challenge, "origin": origin}).encode()

    def create(self, options, origin):
        wanted = options["publicKey"]
        self.user = wanted["user"]["id"]
        client = self._client_data("webauthn.create", wanted["challenge"], origin)
        data = self._data(wanted["rp"]["id"], attested=True)
        attestation = cbor.encode({"fmt": "none", "attStmt": {}, "authData": data})
        return self._response(
            clientDataJSON=encode_base64url(client),
            attestationObject=encode_base64url(attestation),
        )

    def get(self, options, origin):
        wanted = options["publicKey"]
        client = self._client_data("webauthn.get", wanted["challenge"], origin)
        data = self._data(wanted["rpId"], attested=False)
        signature = self.key.sign(
            data + hashlib.sha256(client).digest(), ec.ECDSA(hashes.SHA256())
        )
        return self._response(
            clientDataJSON=encode_base64url(client),
            authenticatorData=encode_base64url(data),
            signature=encode_base64url(signature),
            **({} if self.user is None else {"userHandle": self.user}),
        )

    def _response(self, **members):
        name = encode_base64url(self.id)
        return {"id": name, "rawId": name, "type": "public-key", "response": members}
