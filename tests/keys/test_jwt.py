import base64
import hashlib
import hmac
import json
import time
from datetime import UTC, datetime, timedelta

import jwt as pyjwt
import pytest
from cryptography.hazmat.primitives import serialization
from hypothesis import given, strategies as st

from eid.errors import Expired, FormatError, RequestRefused, SignatureInvalid, VerificationError
from eid.keys import (
    JwkSet,
    SigningKey,
    check_half_hash,
    encode_base64url,
    half_hash,
    sign_jwt,
    verify_jws,
    verify_jwt,
)

AT = datetime(2026, 11, 21, 12, tzinfo=UTC)
NOW = int(AT.timestamp())
KEY = SigningKey.generate("tokens")
KEYS = JwkSet.of(KEY)
CLAIMS = {"iss": "https://id.example", "aud": "shop", "iat": NOW, "exp": NOW + 60}


def b64(value):
    data = value if isinstance(value, bytes) else json.dumps(value).encode()
    return encode_base64url(data)


def forge(claims=CLAIMS, *, key=KEY, header=None, raw_header=None, raw_claims=None):
    """A token signed for real, with whatever header and payload."""
    head = {"alg": "ES256", "kid": key.kid, "typ": "JWT", **(header or {})}
    head = {name: value for name, value in head.items() if value is not ...}
    message = f"{b64(raw_header or head)}.{b64(raw_claims or claims)}"
    return f"{message}.{b64(key.sign(message.encode()))}"


def check(token, **changes):
    expected = {"typ": "JWT", "issuer": CLAIMS["iss"], "audience": "shop", "at": AT}
    return verify_jwt(token, KEYS, **{**expected, **changes})


def test_round_trip_and_form():
    token = sign_jwt(CLAIMS, KEY, typ="JWT")
    assert check(token) == CLAIMS
    assert json.loads(base64.urlsafe_b64decode(token.split(".")[0] + "==")) == {
        "alg": "ES256",
        "kid": KEY.kid,
        "typ": "JWT",
    }


def test_pyjwt_reads_ours_and_we_read_theirs():
    token = sign_jwt(CLAIMS, KEY, typ="JWT")
    options = {"verify_exp": False, "verify_iat": False}
    theirs = pyjwt.decode(
        token, KEY.private.public_key(), algorithms=["ES256"], audience="shop", options=options
    )
    assert theirs == CLAIMS
    made = pyjwt.encode(CLAIMS, KEY.private, algorithm="ES256", headers={"kid": KEY.kid})
    assert check(made) == CLAIMS


def test_rfc7515_a3():
    jwk = {
        "kty": "EC",
        "crv": "P-256",
        "x": "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",
        "y": "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0",
    }
    token = (
        "eyJhbGciOiJFUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFt"
        "cGxlLmNvbS9pc19yb290Ijp0cnVlfQ.DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djx"
        "La8ISlSApmWQxfKTUJqPP3-Kg6NU1Q"
    )
    keys = JwkSet.from_jwks({"keys": [jwk]})
    assert verify_jws(token, keys, typ=None)["iss"] == "joe"


def public_forms():
    public = KEY.private.public_key()
    encoding, form = serialization.Encoding, serialization.PublicFormat
    yield public.public_bytes(encoding.PEM, form.SubjectPublicKeyInfo)
    yield public.public_bytes(encoding.DER, form.SubjectPublicKeyInfo)
    yield json.dumps(KEY.public_jwk()).encode()


@pytest.mark.parametrize("secret", list(public_forms()), ids=["pem", "der", "jwk"])
@pytest.mark.parametrize("alg", ["HS256", "HS384", "HS512"])
def test_o016_public_key_as_hmac_secret(secret, alg):
    message = f"{b64({'alg': alg, 'kid': KEY.kid, 'typ': 'JWT'})}.{b64(CLAIMS)}"
    mac = hmac.digest(secret, message.encode(), "sha" + alg[2:])
    with pytest.raises(SignatureInvalid) as caught:
        check(f"{message}.{b64(mac)}")
    assert caught.value.code == "jws.algorithm"


@pytest.mark.parametrize(
    "alg", ["none", "none ", "NONE", "nOnE", "", None, ..., "ES384", "es256", ["ES256"]]
)
def test_o017_none_and_other_algorithms(alg):
    for signature in ("", b64(bytes(64)), forge().split(".")[2]):
        head = {"alg": alg, "kid": KEY.kid, "typ": "JWT"}
        if alg is ...:
            del head["alg"]
        with pytest.raises(SignatureInvalid) as caught:
            check(f"{b64(head)}.{b64(CLAIMS)}.{signature}")
        assert caught.value.code == "jws.algorithm"


def test_o017_empty_signature():
    message = forge().rpartition(".")[0]
    with pytest.raises(SignatureInvalid):
        check(message + ".")
    with pytest.raises(FormatError):
        check(message)


@pytest.mark.parametrize(
    "header",
    [
        {"crit": ["x"], "x": 1},
        {"crit": []},
        {"crit": ["alg"]},
        {"crit": ["exp", "exp"], "exp": 1},
        {"crit": None},
        {"b64": False},
        {"b64": True},
        {"b64": False, "crit": ["b64"]},
        {"zip": "DEF"},
        {"enc": "A256GCM"},
    ],
)
def test_o018_o021_extensions_are_refused(header):
    with pytest.raises(FormatError) as caught:
        check(forge(header=header))
    assert caught.value.code == "jws.extension"


def test_o021_huge_discarded_payload_is_refused_early():
    head = b64({"alg": "ES256", "b64": False, "crit": ["b64"]})
    with pytest.raises(FormatError) as caught:
        check(head + "." + "A" * 20_000_000 + ".AAAA")
    assert caught.value.code == "jws.size"


@pytest.mark.parametrize("where", [0, 1, 2])
def test_o023_oversized_segments_cost_nothing(where):
    parts = forge().split(".")
    parts[where] = "A" * 22_000_000
    token = ".".join(parts)
    started = time.process_time()
    with pytest.raises(FormatError) as caught:
        check(token)
    assert caught.value.code == "jws.size"
    assert time.process_time() - started < 1.0  # a parser of 22 MB takes longer


def test_o023_long_header_and_many_segments():
    with pytest.raises(FormatError):
        check(forge(header={"x": "y" * 2000}))
    with pytest.raises(FormatError):
        check("." * 10_000)


@pytest.mark.parametrize("typ", ["at+jwt", "jwt", "application/jwt", "", None, ..., 7])
def test_typ_is_exact(typ):
    with pytest.raises(RequestRefused) as caught:
        check(forge(header={"typ": typ}))
    assert caught.value.code == "jws.type"


@pytest.mark.parametrize("typ", ["JWT", "jwt", ..., None])
def test_no_expected_typ_means_plain_jwt(typ):
    assert check(forge(header={"typ": typ}), typ=None) == CLAIMS


@pytest.mark.parametrize("typ", ["at+jwt", "logout+jwt", 7])
def test_no_expected_typ_still_refuses_other_kinds(typ):
    with pytest.raises(RequestRefused):
        check(forge(header={"typ": typ}), typ=None)


def test_key_is_chosen_by_kid_or_by_being_alone():
    other = SigningKey.generate("tokens")
    assert check(forge(header={"kid": ...})) == CLAIMS
    for token, keys in (
        (forge(header={"kid": ...}), JwkSet.of(KEY, other)),
        (forge(header={"kid": "unknown"}), KEYS),
        (forge(header={"kid": 7}), KEYS),
        (forge(header={"kid": [KEY.kid]}), KEYS),
        (forge(), JwkSet.of(other)),
        (forge(key=other, header={"kid": KEY.kid}), KEYS),
        (forge(), JwkSet(keys={})),
    ):
        with pytest.raises(SignatureInvalid):
            verify_jws(token, keys, typ="JWT")


def test_a_key_named_by_the_token_is_never_used():
    """CVE-2026-27962: jwk, jku and x5c in the header mean nothing."""
    evil = SigningKey.generate("evil")
    for header in ({"jwk": evil.public_jwk()}, {"jku": "https://evil.example"}, {"x5c": ["AA"]}):
        with pytest.raises(SignatureInvalid):
            check(forge(key=evil, header=header))
        with pytest.raises(SignatureInvalid):
            check(forge(key=evil, header={**header, "kid": KEY.kid}))


def test_duplicate_members_are_refused():
    with pytest.raises(FormatError) as caught:
        check(forge(raw_claims=b'{"iss":"https://id.example","iss":"https://id.example"}'))
    assert caught.value.code == "json.duplicate"
    raw = json.dumps({"alg": "ES256", "kid": KEY.kid}).replace("{", '{"alg":"none",').encode()
    with pytest.raises(FormatError) as caught:
        check(forge(raw_header=raw))
    assert caught.value.code == "json.duplicate"


@pytest.mark.parametrize(
    "issuer",
    [
        "https://id.example/",
        "https://id.exampl",
        "https://id.example.evil",
        "",
        None,
        ["https://id.example"],
        ...,
    ],
)
def test_o026_issuer_is_exact(issuer):
    claims = {**CLAIMS, "iss": issuer}
    if issuer is ...:
        del claims["iss"]
    with pytest.raises(RequestRefused) as caught:
        check(forge(claims))
    assert caught.value.code == "jwt.issuer"


@pytest.mark.parametrize(
    "audience",
    [
        "sho",
        "shop2",
        "",
        None,
        [],
        ["sho"],
        [["shop"]],
        ["shop", 7],
        {"shop": 1},
        ["shop"] * 17,
        ...,
    ],
)
def test_o026_audience_is_exact(audience):
    claims = {**CLAIMS, "aud": audience}
    if audience is ...:
        del claims["aud"]
    with pytest.raises(RequestRefused) as caught:
        check(forge(claims))
    assert caught.value.code == "jwt.audience"


def test_o026_authorized_party():
    assert check(forge({**CLAIMS, "aud": ["shop"], "azp": "shop"}))
    assert check(forge({**CLAIMS, "aud": ["shop", "bank"], "azp": "shop"}))
    for claims in (
        {"aud": ["shop", "bank"]},
        {"azp": "bank"},
        {"aud": ["shop", "bank"], "azp": "bank"},
    ):
        with pytest.raises(RequestRefused) as caught:
            check(forge({**CLAIMS, **claims}))
        assert caught.value.code == "jwt.authorized_party"


@pytest.mark.parametrize("name", ["exp", "iat", "nbf"])
@pytest.mark.parametrize("value", [1.5, float(NOW + 30), str(NOW), -1, True, None, [NOW], 10**30])
def test_o029_malformed_times(name, value):
    with pytest.raises(FormatError) as caught:
        check(forge({**CLAIMS, name: value}))
    assert caught.value.code == "jwt.time"


def test_o029_times():
    without = {name: value for name, value in CLAIMS.items() if name != "exp"}
    with pytest.raises(FormatError):
        check(forge(without))
    token = forge({**CLAIMS, "nbf": NOW})
    assert check(token, at=AT + timedelta(seconds=89))
    assert check(token, at=AT - timedelta(seconds=30))
    with pytest.raises(Expired) as caught:
        check(token, at=AT + timedelta(seconds=90))
    assert caught.value.code == "jwt.expired"
    with pytest.raises(RequestRefused) as caught:
        check(token, at=AT - timedelta(seconds=31))
    assert caught.value.code == "jwt.not_yet"
    with pytest.raises(RequestRefused):
        check(forge({**CLAIMS, "nbf": NOW + 31}))
    with pytest.raises(Expired):
        check(forge({**CLAIMS, "exp": NOW}), leeway_s=0)


def test_o029_age():
    old = forge({**CLAIMS, "iat": NOW - 100})
    assert check(old, max_age_s=70)
    with pytest.raises(Expired) as caught:
        check(old, max_age_s=69)
    assert caught.value.code == "jwt.age"
    with pytest.raises(FormatError):
        check(
            forge({name: value for name, value in CLAIMS.items() if name != "iat"}), max_age_s=60
        )


@pytest.mark.parametrize(
    "changes", [{"leeway_s": 61}, {"leeway_s": -1}, {"at": AT.replace(tzinfo=None)}]
)
def test_the_door_cannot_be_opened_wider(changes):
    with pytest.raises(ValueError, match="leeway"):
        check(forge(), **changes)


def test_o025_half_hashes_fail_closed():
    value = "jHkWEdUXMU1BwAsC4vtUsZwnNvTIxEl0z9K3vx5KF0Y"  # OIDC Core A.4 and A.6
    assert half_hash(value, "RS256") == "77QmUPtjPfzWtF2AnpK9RQ"
    digest = hashlib.sha384(b"x").digest()
    assert half_hash("x", "ES384") == encode_base64url(digest[:24])
    check_half_hash("77QmUPtjPfzWtF2AnpK9RQ", value, "ES256")
    for claim in ("77QmUPtjPfzWtF2AnpK9RA", "", None, 7, "é"):
        with pytest.raises(RequestRefused):
            check_half_hash(claim, value, "ES256")
    assert half_hash("x", "EdDSA") == encode_base64url(hashlib.sha512(b"x").digest()[:32])
    for alg in ("none", "HS256", "", "ES999"):
        with pytest.raises(FormatError):
            check_half_hash("77QmUPtjPfzWtF2AnpK9RQ", value, alg)


@given(st.text(max_size=80))
def test_any_text_is_refused_with_a_typed_error(text):
    with pytest.raises((FormatError, VerificationError)):
        check(text)


@given(st.data())
def test_any_changed_character_is_refused(data):
    token = sign_jwt(CLAIMS, KEY, typ="JWT")
    place = data.draw(st.integers(0, len(token) - 1))
    other = data.draw(st.sampled_from("AZaz09-_.=").filter(lambda c: c != token[place]))
    with pytest.raises((FormatError, VerificationError)):
        check(token[:place] + other + token[place + 1 :])
