"""Registrations: what is accepted, what is refused, and that no secret stays."""

from __future__ import annotations

import json

import pytest

from eid.errors import SettingsError
from eid.keys import SigningKey
from eid.oidc.client_secrets import hash_secret, is_secret
from eid.oidc.clients import (
    RegisteredClients,
    check_operator,
    client_from_metadata,
    load_clients,
)

GOOD = {
    "client_id": "portal",
    "client_secret": "portal-secret",
    "redirect_uris": ["https://portal.example/callback"],
}


def client(**changed):
    metadata = {name: value for name, value in (GOOD | changed).items() if value is not None}
    return client_from_metadata(metadata, legal_entity="Example Ltd")


def test_defaults():
    made = client()
    assert made.name == "portal"
    assert made.auth_method == "client_secret_basic"
    assert made.scopes == {"openid", "profile", "address"}
    assert made.min_auth_level is None
    assert made.legal_entity == made.sector == "Example Ltd"
    assert "portal-secret" not in repr(made) + str(made.to_metadata())
    assert str(made.secret_hash) not in repr(made)


def test_a_registration_survives_its_store():
    made = client(
        scope="openid eid:card",
        eid_min_auth_level=2,
        eid_legal_entity="Other Ltd",
        eid_legal_basis="contract",
        client_name="Cổng",
        grant_types=["authorization_code"],
        response_types=["code"],
    )
    assert client_from_metadata(made.to_metadata(), legal_entity="Example Ltd") == made


@pytest.mark.parametrize(
    ("changed", "key"),
    [
        ({"client_id": None}, "client_id"),
        ({"client_id": ""}, "client_id"),
        ({"client_id": "a b"}, "client_id"),
        ({"client_id": "x" * 129}, "client_id"),
        ({"client_id": 7}, "client_id"),
        ({"client_secret": None}, "client_secret"),
        ({"client_secret": "short"}, "client_secret"),
        ({"client_secret": "x" * 257}, "client_secret"),
        ({"client_secret": 12345678}, "client_secret"),
        ({"token_endpoint_auth_method": "none"}, "client_secret"),
        ({"token_endpoint_auth_method": "private_key_jwt", "client_secret": None}, "jwks"),
        ({"token_endpoint_auth_method": []}, "token_endpoint_auth_method"),
        ({"redirect_uris": None}, "redirect_uris"),
        ({"redirect_uris": []}, "redirect_uris"),
        ({"redirect_uris": "https://portal.example/"}, "redirect_uris"),
        ({"redirect_uris": [7]}, "redirect_uris"),
        ({"scope": "openid admin"}, "scope"),
        ({"scope": 7}, "scope"),
        ({"eid_min_auth_level": 0}, "eid_min_auth_level"),
        ({"eid_min_auth_level": 5}, "eid_min_auth_level"),
        ({"eid_min_auth_level": True}, "eid_min_auth_level"),
        ({"eid_min_auth_level": "2"}, "eid_min_auth_level"),
        ({"client_name": "two\nlines"}, "client_name"),
        ({"grant_types": ["implicit"]}, "grant_types"),
        ({"response_types": ["token"]}, "response_types"),
        ({"id_token_signed_response_alg": "none"}, "id_token_signed_response_alg"),
        ({"grant_types": "authorization_code"}, "grant_types"),
        ({"eid_min_level": 2}, "eid_min_level"),
        ({"eid_client_secret_hash": "x"}, "eid_client_secret_hash"),
        ({"eid_client_secret_hash": "sha256$AA$AA"}, "eid_client_secret_hash"),
        ({"eid_client_secret_hash": "sha256$+$AA"}, "eid_client_secret_hash"),
        ({"eid_client_secret_hash": 7}, "eid_client_secret_hash"),
    ],
)
def test_what_is_refused_names_its_member(changed, key):
    with pytest.raises(SettingsError) as caught:
        client(**changed)
    assert caught.value.facts["key"] == key
    assert "portal-secret" not in str(caught.value)


def test_what_means_nothing_here_is_ignored():
    made = client(
        logo_uri="javascript:alert(1)",
        application_type="web",
        grant_types=["authorization_code", "refresh_token"],
        scope="profile email phone offline_access",
    )
    assert made.scopes == {"openid", "profile"}
    assert "logo_uri" not in made.to_metadata()


@pytest.mark.parametrize(
    "uri",
    [
        "http://portal.example/callback",
        "https://portal.example/callback#x",
        "https://portal.example/#",
        "https://user@portal.example/",
        "https://*.portal.example/",
        "https://portal.example/a b",
        "https://portal.example/ü",
        "https://portal.example/\\..",
        "https://portal.example:x/",
        "https://[::1/",
        "https:///callback",
        "https://portal.example/;x",
        "javascript:alert(1)",
        "com.example.app:/callback",
        "https://portal.example/" + "x" * 2000,
    ],
)
def test_addresses_that_are_refused(uri):
    with pytest.raises(SettingsError):
        client(redirect_uris=[uri])


@pytest.mark.parametrize(
    "uri",
    [
        "https://portal.example/callback?tenant=1",
        "http://127.0.0.1:5000/callback",
        "http://[::1]:5000/callback",
        "http://localhost/callback",
    ],
)
def test_addresses_that_are_accepted(uri):
    assert client(redirect_uris=[uri]).redirect_uris == (uri,)


def test_secrets_are_salted():
    one, two = hash_secret("portal-secret"), hash_secret("portal-secret")
    assert one != two
    assert is_secret("portal-secret", one)
    assert is_secret("portal-secret", two)
    assert not is_secret("portal-secreT", one)
    assert not is_secret("", None)


def test_roles_of_the_operator():
    own, other = client(), client(eid_legal_entity="Other Ltd")
    based = client(eid_legal_entity="Other Ltd", eid_legal_basis="contract 7")
    for made, role in (
        (own, "own_services"),
        (based, "own_services"),
        (other, "licensed_provider"),
        (other, "state_body"),
    ):
        check_operator(made, legal_entity="Example Ltd", role=role)
    with pytest.raises(SettingsError) as caught:
        check_operator(other, legal_entity="Example Ltd", role="own_services")
    assert caught.value.code == "settings.client_role"


@pytest.mark.parametrize("form", ["object", "array", "wrapped"])
def test_a_client_file(tmp_path, form):
    documents = {"object": GOOD, "array": [GOOD], "wrapped": {"clients": [GOOD]}}
    path = tmp_path / "clients.json"
    path.write_text(json.dumps(documents[form]))
    (made,) = load_clients(path, legal_entity="Example Ltd")
    assert made.client_id == "portal"


@pytest.mark.parametrize(
    "text", ["", "{", "7", "[7]", '{"clients": 7}', '{"clients": [[]]}', "{}"]
)
def test_a_client_file_that_is_none(tmp_path, text):
    path = tmp_path / "clients.json"
    path.write_text(text)
    with pytest.raises(SettingsError) as caught:
        load_clients(path, legal_entity="Example Ltd")
    assert caught.value.facts["file"] == str(path)


def test_a_client_file_that_is_not_there(tmp_path):
    with pytest.raises(SettingsError):
        load_clients(tmp_path / "none.json", legal_entity="Example Ltd")


def test_an_id_is_taken_once():
    with pytest.raises(SettingsError):
        RegisteredClients.of([client(), client()])
    assert RegisteredClients.of([client()]).by_id("PORTAL") is None


def test_the_profile_fapi2_signs_nothing_with_rs256():
    strict = {
        "client_secret": None,
        "token_endpoint_auth_method": "private_key_jwt",
        "jwks": {"keys": [SigningKey.generate("client").public_jwk()]},
        "eid_profile": "fapi2",
    }
    assert client(**strict, userinfo_signed_response_alg="PS256").userinfo_alg == "PS256"
    for member in ("id_token_signed_response_alg", "userinfo_signed_response_alg"):
        with pytest.raises(SettingsError) as caught:
            client(**strict, **{member: "RS256"})
        assert caught.value.facts["key"] == member
