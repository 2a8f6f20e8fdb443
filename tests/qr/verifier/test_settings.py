import json
from datetime import timedelta

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from eid.errors import SettingsError
from eid.qr.algorithms import write_key
from eid.qr.issuers import Denied, IssuerKey
from eid.qr.verifier.settings import PageSettings


def test_keys_are_written_as_in_a_trust_list(es256, eddsa):
    settings = PageSettings(
        publishers=(IssuerKey.of("https://trust.example", eddsa.signer.public_key),),
        issuers=(IssuerKey.of(es256.issuer, es256.signer.public_key),),
        max_age=timedelta(days=1),
    )
    content = json.loads(settings.to_json())
    assert len(bytes.fromhex(content["publishers"][0]["key"])) == 32
    assert len(bytes.fromhex(content["issuers"][0]["key"])) == 33
    assert content["issuers"][0]["kid"] == es256.signer.kid.hex()
    assert content["policy"]["max_age_s"] == 86_400
    assert content["trust_list"] == "lists/trust-list"


def test_settings_that_cannot_work(es256):
    key = IssuerKey.of(es256.issuer, es256.signer.public_key)
    denied = IssuerKey(
        issuer=key.issuer, kid=key.kid, public_key=key.public_key, denied=(Denied(),)
    )
    for wrong in (
        {},
        {"issuers": (key,), "audience": ""},
        {"issuers": (key,), "audience": "ế" * 67},
        {"issuers": (key,), "audience": "a" * 100, "place": "a" * 60, "purpose": "a" * 41},
        {"issuers": (key,), "place": "Desk 3"},
        {"issuers": (key,), "audience": "a", "purpose": "a\u202eb"},
        {"issuers": (key,), "audience": "a", "place": "e\u0301"},
        {"issuers": (denied,)},
        {"publishers": (denied,)},
    ):
        with pytest.raises(SettingsError):
            PageSettings(**wrong)


def test_keys_that_the_page_cannot_read_are_refused():
    public = ec.generate_private_key(ec.BrainpoolP256R1()).public_key()
    key = IssuerKey.foreign("UTO", b"kid", write_key(public))
    with pytest.raises(SettingsError):
        PageSettings(issuers=(key,)).to_json()
