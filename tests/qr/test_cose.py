import base64
import contextlib
import json

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from hypothesis import given, strategies as st

from eid.errors import FormatError, SignatureInvalid
from eid.keys import SigningKey
from eid.qr import cbor, cose
from eid.qr.signers import SoftwareSigner, as_signer

ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
POSITIVE = ["ecdsa-sig-01", "eddsa-sig-01", "cwt-A_3", "sign-pass-02", "sign-pass-03"]


def load(vectors, name):
    case = json.loads((vectors / "cose-sign1" / f"{name}.json").read_text())
    key = case["input"]["sign0"]["key"]

    def coordinate(member):
        if f"{member}_hex" in key:
            return bytes.fromhex(key[f"{member}_hex"])
        return base64.urlsafe_b64decode(key[member] + "=" * (-len(key[member]) % 4))

    if key["kty"] == "OKP":
        public = Ed25519PublicKey.from_public_bytes(coordinate("x"))
    else:
        point = b"\x04" + coordinate("x") + coordinate("y")
        public = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), point)
    external = bytes.fromhex(case["input"]["sign0"].get("external", ""))
    return bytes.fromhex(case["output"]["cbor"]), public, external, case


@pytest.mark.parametrize("name", POSITIVE)
def test_published_messages_verify(vectors, name):
    data, key, external, case = load(vectors, name)
    message = cose.parse(data)
    cose.verify(message, key, external_aad=external)
    if "plaintext" in case["input"]:
        assert message.payload == case["input"]["plaintext"].encode()


def test_external_data_belongs_to_the_signature(vectors):
    data, key, external, _ = load(vectors, "sign-pass-02")
    assert external
    with pytest.raises(SignatureInvalid):
        cose.verify(cose.parse(data), key)


def test_refuses_the_published_message_with_unprotected_algorithm(vectors):
    data, *_ = load(vectors, "sign-pass-01")
    with pytest.raises(FormatError) as refusal:
        cose.parse(data)
    assert refusal.value.code == "qr.cose.alg"


def test_writes_what_it_reads(world):
    text = cose.sign(b"content", world.signer, protected={16: "x"}, external_aad=b"aad")
    message = cose.parse(text)
    cose.verify(message, world.signer.public_key, external_aad=b"aad")
    assert (message.payload, message.kid, message.typ) == (b"content", world.signer.kid, "x")
    assert message.alg == world.signer.alg
    with pytest.raises(SignatureInvalid):
        cose.verify(message, world.signer.public_key)


def test_thumbprint_of_rfc_9679():
    """The example key of RFC 9679 §6; its thumbprint starts with these eight bytes."""
    x = bytes.fromhex("65eda5a12577c2bae829437fe338701a10aaa375e1bb5b5de108de439c08551d")
    y = bytes.fromhex("1e52ed75701163f7f9e40ddf9f341b3dc9ba860af7e0ca7ca7e9eecd0084d19c")
    key = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), b"\x04" + x + y)
    assert cose.key_id(key).hex() == "496bd8afadf307e5"


def headers(world, protected, unprotected=None, **parts):
    values = {"payload": b"content", "signature": bytes(64), **parts}
    raw = protected if isinstance(protected, bytes) else cbor.encode(protected)
    return cbor.encode([raw, unprotected or {}, values["payload"], values["signature"]])


@pytest.mark.parametrize(
    ("protected", "unprotected", "code"),
    [
        ({}, {1: -7}, "qr.cose.alg"),
        (b"", {1: -7}, "qr.cose.alg"),
        (b"", {}, "qr.cose.alg"),
        ({4: b"k"}, {}, "qr.cose.alg"),
        ({1: "ES256"}, {}, "qr.cose.alg"),
        ({1: True}, {}, "qr.cose.alg"),
        ({1: -7, 2: [99]}, {}, "qr.cose.crit"),
        ({1: -7, 2: [99], 99: 1}, {}, "qr.cose.crit"),
        ({1: -7, 2: ["exp"], "exp": 1}, {}, "qr.cose.crit"),
        ({1: -7, 2: []}, {}, "qr.cose.crit"),
        ({1: -7, 2: 4}, {}, "qr.cose.crit"),
        ({1: -7, 2: [4]}, {4: b"k"}, "qr.cose.crit"),
        ({1: -7, 2: [True]}, {}, "qr.cose.crit"),
        ({1: -7, 2: [[1]]}, {}, "qr.cose.crit"),
        ({1: -7}, {2: [1]}, "qr.cose.crit"),
        ({1: -7, 4: b"a"}, {4: b"b"}, "qr.cose.headers"),
        ({1: -7}, {1: -8}, "qr.cose.headers"),
        ({1: -7, 4: "text"}, {}, "qr.cose.headers"),
        ({1: -7, 16: [1]}, {}, "qr.cose.headers"),
        (b"\xa2\x01\x26\x01\x26", {}, "qr.cbor"),
        (b"\xa1\x01\x26\x00", {}, "qr.cbor"),
        (b"\x80", {}, "qr.cbor"),
    ],
)
def test_refuses_headers(world, protected, unprotected, code):
    with pytest.raises(FormatError) as refusal:
        cose.parse(headers(world, protected, unprotected))
    assert refusal.value.code == code


def test_understood_critical_headers_and_equal_kids_pass(world):
    protected = {1: -7, 2: [1, 4], 4: b"k"}
    message = cose.parse(headers(world, protected, {4: b"k"}))
    assert message.kid == b"k"
    assert cose.parse(headers(world, {1: -7}, {4: b"u"})).kid == b"u"


@pytest.mark.parametrize(
    "value",
    [
        [b"", {}, b""],
        [b"", {}, b"", b"", b""],
        [{}, {}, b"", b""],
        [b"", [], b"", b""],
        [b"", {}, None, b""],  # detached payload
        [b"", {}, b"", "text"],
        {}, 1, b"", None,
        cbor.Tag(61, [b"", {}, b"", b""]),  # tag 61 directly around an array
        cbor.Tag(18, cbor.Tag(18, [b"", {}, b"", b""])),
        cbor.Tag(18, cbor.Tag(61, [b"", {}, b"", b""])),
        cbor.Tag(61, cbor.Tag(61, cbor.Tag(18, [b"", {}, b"", b""]))),
    ],
)  # fmt: skip
def test_refuses_other_structures(value):
    with pytest.raises(FormatError) as refusal:
        cose.parse(cbor.encode(value))
    assert refusal.value.code == "qr.cose"


def test_tag_61_may_stand_outside(world):
    message = cose.parse(b"\xd8\x3d" + cose.sign(b"content", world.signer))
    cose.verify(message, world.signer.public_key)


@pytest.mark.parametrize("length", [0, 1, 63, 65, 70, 72, 128])
def test_refuses_empty_and_wrong_length_signatures(world, length):
    data = headers(world, {1: world.signer.alg}, signature=bytes([0x30] * length))
    with pytest.raises(SignatureInvalid) as refusal:
        cose.verify(cose.parse(data), world.signer.public_key)
    assert refusal.value.code == "qr.signature"


@pytest.mark.parametrize(
    ("r", "s"), [(0, 0), (0, 1), (1, 0), (ORDER, 1), (1, ORDER), (ORDER - 1, 1), (2**256 - 1, 1)]
)
def test_refuses_degenerate_ecdsa_signatures(es256, r, s):
    signature = r.to_bytes(32, "big") + s.to_bytes(32, "big")
    data = headers(es256, {1: -7}, signature=signature)
    with pytest.raises(SignatureInvalid):
        cose.verify(cose.parse(data), es256.signer.public_key)


def test_the_algorithm_comes_from_the_key(es256, eddsa):
    for signer, other in ((es256.signer, eddsa.signer), (eddsa.signer, es256.signer)):
        message = cose.parse(cose.sign(b"content", signer))
        with pytest.raises(SignatureInvalid) as refusal:
            cose.verify(message, other.public_key)
        assert refusal.value.code == "qr.alg"


def test_other_curves_are_no_keys():
    with pytest.raises(ValueError, match="P-256"):
        SoftwareSigner.of(ec.generate_private_key(ec.SECP384R1()))


def test_a_signing_key_signs_and_nothing_prints_it():
    key = SigningKey.generate("credentials")
    signer = as_signer(key)
    cose.verify(cose.parse(cose.sign(b"content", signer)), key.private.public_key())
    assert as_signer(signer) is signer
    assert "private" not in repr(signer)


def test_a_message_does_not_print_its_payload(world):
    assert "secret" not in repr(cose.parse(cose.sign(b"secret", world.signer)))


@given(st.binary(max_size=120))
def test_any_bytes_are_a_message_or_refused(data):
    with contextlib.suppress(FormatError):
        cose.parse(data)


@given(data=st.data())
def test_any_changed_byte_is_refused(data):
    signer = SoftwareSigner.of(Ed25519PrivateKey.from_private_bytes(b"k" * 32))
    good = cose.sign(b"content", signer)
    at = data.draw(st.integers(0, len(good) - 1))
    changed = bytearray(good)
    changed[at] ^= data.draw(st.integers(1, 255))
    with pytest.raises((FormatError, SignatureInvalid)):
        cose.verify(cose.parse(bytes(changed)), signer.public_key)


@given(
    payload=st.integers(0, 300), places=st.lists(st.integers(0, 40), max_size=3), data=st.data()
)
def test_the_usual_layout_is_read_as_any_other(payload, places, data):
    """What is taken apart by its layout is what the CBOR reader makes of it, or nothing."""
    signer = SoftwareSigner.of(Ed25519PrivateKey.from_private_bytes(b"k" * 32))
    changed = bytearray(cose.sign(bytes(payload), signer))
    assert (cose._usual_parts(bytes(changed)) is not None) == (24 <= payload <= 255)
    for place in places:
        changed[place if place < 24 else 24 - place] = data.draw(st.integers(0, 255))
    usual = cose._usual_parts(bytes(changed))
    assert usual is None or usual == cose._parts(bytes(changed), 1 << 16)


@pytest.mark.parametrize("size", range(0, 112, 7))
def test_a_cut_or_longer_message_has_no_usual_layout(size):
    signer = SoftwareSigner.of(Ed25519PrivateKey.from_private_bytes(b"k" * 32))
    good = cose.sign(bytes(40), signer)
    assert size < len(good)
    assert cose._usual_parts(good[:size]) is None
    assert cose._usual_parts(good + bytes(size + 1)) is None
