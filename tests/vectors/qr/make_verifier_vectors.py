"""Write verifier.json: one set of cases for the verifier in Python and the one in the browser.

Run `python tests/vectors/qr/make_verifier_vectors.py` after a change of the format. Every case
says what must come out; nothing here asks either verifier.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from eid.qr import base45, cbor, cose, envelope
from eid.qr.claim169 import Biometric, Identity
from eid.qr.credential import StatusReference
from eid.qr.issue import Terms, issue
from eid.qr.issuers import Denied, IssuerKey
from eid.qr.presence import Asked, issue_presence
from eid.qr.signers import SoftwareSigner
from eid.qr.status import ListTerms, issue_list, pack_statuses
from eid.qr.trust_list import Edition, issue_trust_list

HERE = Path(__file__).parent
AT = datetime(2026, 11, 21, 9, 0, tzinfo=UTC)
NOW = int(AT.timestamp())
ISSUER, OTHER, PUBLISHER = (
    "https://id.example.vn",
    "https://other.example",
    "https://trust.example.vn",
)
LIST = "https://id.example.vn/status/1"
ASKED = Asked(audience="https://clinic.example.vn", challenge=bytes(range(16)))
PURPOSE = b"eid-presence-v1"
DAY = timedelta(days=1)

P256 = SoftwareSigner.of(
    ec.derive_private_key(0x1F2E3D4C5B6A79881726354433221100AABBCCDD, ec.SECP256R1())
)
ED25519 = SoftwareSigner.of(Ed25519PrivateKey.from_private_bytes(bytes(range(32))))
ROOT = SoftwareSigner.of(Ed25519PrivateKey.from_private_bytes(bytes(range(1, 33))))
STRANGER = SoftwareSigner.of(Ed25519PrivateKey.from_private_bytes(bytes(range(2, 34))))
TWIN = SoftwareSigner.of(ec.derive_private_key(0x77777777777, ec.SECP256R1()))
SIGNERS = {"es256": P256, "eddsa": ED25519, "root": ROOT}
CASES: list[dict[str, object]] = []


def case(name: str, text: str | bytes, *, kind: str = "credential", **rest: object) -> None:
    """`refused` is a code, or `accepted` what is found; `keys` are names, `at` epoch seconds."""
    shown = text if isinstance(text, str) else text.hex()
    values: dict[str, object] = {"name": name, "kind": kind, "input": shown, "at": NOW}
    CASES.append({**values, "keys": ["es256", "eddsa"], **rest})


def claims(**changes: object) -> dict:
    base = {1: ISSUER, 4: NOW + 3600, 5: NOW, 6: NOW, 169: {4: "NGUYEN VAN THU"}}
    return merged(base, changes)


def merged(base: dict, changes: dict[str, object]) -> dict:
    base.update({int(key[1:]): value for key, value in changes.items()})
    return {key: value for key, value in base.items() if value is not None}


def signed(
    signer: SoftwareSigner,
    payload: bytes,
    *,
    protected: bytes | None = None,
    unprotected: object = None,
    aad: bytes = b"",
    signature: bytes | None = None,
) -> bytes:
    if protected is None:
        protected = cbor.encode({1: signer.alg, 4: signer.kid})
    if signature is None:
        signature = signer.sign(cbor.encode(["Signature1", protected, aad, payload]))
    parts = [protected, {} if unprotected is None else unprotected, payload, signature]
    return cbor.encode(cbor.Tag(18, parts))


def forged(signer: SoftwareSigner, *, wrap=bytes, payload=None, parts=None, **changes) -> str:
    raw = cbor.encode(claims(**changes)) if payload is None else payload
    return envelope.pack(wrap(signed(signer, raw, **(parts or {}))))


def with_raw_identity(raw: bytes) -> bytes:
    """A valid claims set whose identity is *raw*."""
    whole = cbor.encode(claims(k169=None)) + bytes.fromhex("18a9") + raw
    return bytes([whole[0] + 1]) + whole[1:]


def the_identity() -> Identity:
    raw = json.loads((HERE / "identity.json").read_text())
    for name in ("birth_date", "issue_date"):
        raw[name] = date.fromisoformat(raw[name])
    return Identity(**raw)


def positive() -> None:
    expected = json.loads((HERE / "identity.json").read_text())
    face = Biometric(data=bytes(range(200)), format=0, subformat=4)
    for name, signer in (("es256", P256), ("eddsa", ED25519)):
        terms = Terms(
            issuer=ISSUER, issued_at=AT, expires_at=AT + 90 * DAY, subject=bytes(range(16))
        )
        text = issue(the_identity(), terms, signer)
        case(f"identity of twelve fields, {name}", text, accepted={"identity": expected})
        photo = issue(Identity(name="TRẦN THỊ MẪU", biometrics={62: (face,)}), terms, signer)
        case(f"portrait, {name}", photo,
             accepted={"identity": {"name": "TRẦN THỊ MẪU"}, "portrait": face.data.hex()})  # fmt: skip
        name_only = {"identity": {"name": "NGUYEN VAN THU"}}
        case(f"no kid, {name}", forged(signer, parts={"protected": cbor.encode({1: signer.alg})}),
             accepted={**name_only, "findings": [["kid.absent", None]]})  # fmt: skip
        case(f"tag 61 outside, {name}", forged(signer, wrap=lambda m: b"\xd8\x3d" + m),
             accepted=name_only)  # fmt: skip
        case(f"no tag, {name}", forged(signer, wrap=lambda m: m[1:]), accepted=name_only)
        known = cbor.encode({1: signer.alg, 4: signer.kid, 2: [3], 3: "a"})
        case(f"understood crit, {name}", forged(signer, parts={"protected": known}),
             accepted=name_only)  # fmt: skip
    raw = cbor.encode({4: "NGUYEN VAN THU"})
    for label, wrapped in (("bytes", raw), ("tag 24", cbor.Tag(24, raw))):
        case(f"identity wrapped in {label}", forged(P256, k169=wrapped),
             accepted={"identity": {"name": "NGUYEN VAN THU"},
                       "findings": [["claim169.wrapped", None]]})  # fmt: skip
    odd = {3: "AR", 4: "Nguye\u0302\u0303n <b>", 8: "1990-03-02", 9: "1", 17: 4, 62: {0: b"x"},
           10: "=1\nb", 77: [1, {"a": None}], 12: "call me", 18: [1, 2], "x": 1}  # fmt: skip
    case("odd shapes", forged(P256, k169=odd), accepted={
        "identity": {"language": "AR", "name": "Nguyễn <b>", "birth_date": "1990-03-02",
                     "sex": "M", "image_format": 4, "residence": "=1\nb", "best_fingers": [1, 2]},
        "findings": [["language.not_iso_639_3", 3], ["text.markup", 4], ["date.dashes", 8],
                     ["sex.text", 9], ["text.formula", 10], ["field.not_understood", 12],
                     ["biometric.bare_map", 62], ["field.unknown", 77], ["field.unknown", None],
                     ["image.missing", 17]],
        "portrait": b"x".hex(), "unknown": ["12", "77", "x"]})  # fmt: skip
    case("expired within the skew", forged(P256, k4=NOW + 1), at=NOW + 60,
         accepted={"identity": {"name": "NGUYEN VAN THU"}})  # fmt: skip
    case("no expiry, but an age limit", forged(P256, k4=None), policy={"max_age_s": 600},
         accepted={"identity": {"name": "NGUYEN VAN THU"}})  # fmt: skip


def matrix() -> None:
    """Every row of the strictness matrix, for both algorithms."""
    for name, signer in (("es256", P256), ("eddsa", ED25519)):
        alg, kid = signer.alg, signer.kid

        def row(title: str, code: str, text: str, name: str = name, **rest: object) -> None:
            case(f"{title}, {name}", text, refused=code, **rest)

        row("alg only unprotected", "qr.cose.alg",
            forged(signer, parts={"protected": cbor.encode({4: kid}), "unprotected": {1: alg}}))  # fmt: skip
        for empty in (b"", b"\xa0"):
            row(
                f"no alg ({empty.hex()})",
                "qr.cose.alg",
                forged(signer, parts={"protected": empty}),
            )
        row("alg is text", "qr.cose.alg",
            forged(signer, parts={"protected": cbor.encode({1: "ES256", 4: kid})}))  # fmt: skip
        row("alg true", "qr.cose.alg",
            forged(signer, parts={"protected": cbor.encode({1: True, 4: kid})}))  # fmt: skip
        for label in (99, "x", 33):
            headers = cbor.encode({1: alg, 4: kid, 2: [label], label: 1})
            row(
                f"unknown crit {label}",
                "qr.cose.crit",
                forged(signer, parts={"protected": headers}),
            )
        for label, crit in (("empty", []), ("absent", [3]), ("no list", 3), ("true", [True])):
            headers = cbor.encode({1: alg, 4: kid, 2: crit})
            row(f"crit {label}", "qr.cose.crit", forged(signer, parts={"protected": headers}))
        row("crit unprotected", "qr.cose.crit", forged(signer, parts={"unprotected": {2: [1]}}))
        row("bytes after the message", "qr.cbor", forged(signer, wrap=lambda m: m + b"\0"))
        row("bytes after the claims", "qr.cbor",
            forged(signer, payload=cbor.encode(claims()) + b"\0"))  # fmt: skip
        twice = bytes.fromhex("a2044161044162")
        row("duplicate claims", "qr.cbor", forged(signer, payload=twice))
        row("duplicate identity keys", "qr.cbor", forged(signer, payload=with_raw_identity(twice)))
        row("duplicate protected", "qr.cbor",
            forged(signer, parts={"protected": bytes.fromhex("a3012601260441aa")}))  # fmt: skip
        row("keys true and one", "qr.cbor",
            forged(signer, payload=with_raw_identity(bytes.fromhex("a2016161f56162"))))  # fmt: skip
        row("no expiry", "qr.no_expiry", forged(signer, k4=None))
        row("too old", "qr.too_old", forged(signer, k4=None, k5=None, k6=NOW - 661),
            policy={"max_age_s": 600})  # fmt: skip
        row("issued in the future", "qr.issued_in_future", forged(signer, k6=NOW + 61))
        row("not yet valid", "qr.not_yet_valid", forged(signer, k5=NOW + 61))
        row("expired", "qr.expired", forged(signer, k4=NOW - 60, k5=None, k6=NOW - 100))
        row("ends before it begins", "qr.times", forged(signer, k4=NOW))
        stream = base45.decode(forged(signer))
        row("bytes after the stream", "qr.zlib", base45.encode(stream + b"\0"))
        row("stream cut short", "qr.zlib", base45.encode(stream[:-1]))
        row("checksum wrong", "qr.zlib", base45.encode(stream[:-1] + bytes([stream[-1] ^ 1])))
        row("zip bomb", "qr.zlib", base45.encode(zlib.compress(bytes(2_000_000), 9)))
        row("inflates to one byte too many", "qr.zlib",
            base45.encode(zlib.compress(bytes(65_537), 9)))  # fmt: skip
        row("unknown kid", "qr.kid_unknown",
            forged(signer, parts={"protected": cbor.encode({1: alg, 4: b"unknown!"})}))  # fmt: skip
        row("kids differ", "qr.cose.headers", forged(signer, parts={"unprotected": {4: b"other"}}))
        row("kid is text", "qr.cose.headers",
            forged(signer, parts={"protected": cbor.encode({1: alg, 4: "kid"})}))  # fmt: skip
        for size in (0, 63, 65):
            row(f"signature of {size} bytes", "qr.signature",
                forged(signer, parts={"signature": bytes(size)}))  # fmt: skip
        row("signature of zeros", "qr.signature", forged(signer, parts={"signature": bytes(64)}))
        message = cose.parse(envelope.unpack(forged(signer)))
        row("payload changed", "qr.signature",
            forged(signer, k169={4: "TRAN THI MAU"}, parts={"signature": message.signature}))  # fmt: skip
        row("signed by a stranger under our kid", "qr.alg" if alg == -7 else "qr.signature",
            forged(STRANGER, parts={"protected": cbor.encode({1: -8, 4: kid})}))  # fmt: skip
        row("algorithm of another key", "qr.alg",
            forged(signer, parts={"protected": cbor.encode({1: -15 - alg, 4: kid})}))  # fmt: skip
        row("another issuer named", "qr.issuer_of_key", forged(signer, k1=OTHER))
        row("no issuer named", "qr.issuer_of_key", forged(signer, k1=None))
        row("no kid, unknown issuer", "qr.issuer_unknown",
            forged(signer, k1=OTHER, parts={"protected": cbor.encode({1: alg})}))  # fmt: skip
        row("nobody trusted", "qr.kid_unknown", forged(signer), keys=[])
    text = forged(P256)
    for title, changed in (("lower case", text.lower()), ("a length that cannot be", text + "0" * ((1 - len(text)) % 3)),
                           ("a space in front", " " + text), ("above 65535", "GGW" + text[3:]),
                           ("not ASCII", "É" + text[1:]), ("a character lost", text[: len(text) - (len(text) - 1) % 3]),
                           ("much too long", text + "000" * 1432), ("a line feed", text + "\n")):  # fmt: skip
        case(f"base45: {title}", changed, refused="qr.base45")
    case("empty text", "", refused="qr.zlib")


def encodings() -> None:
    """What the CBOR subset leaves out, as an identity value or around it."""
    raws = {
        "indefinite map": "bf0461 41ff", "indefinite text": "a1047f6141ff", "float": "a104f93c00",
        "double": "a104fb3ff0000000000000", "undefined": "a104f7", "simple 32": "a104f820",
        "long form of 4": "a118046141", "long length": "a104780141", "long form of 23": "a1041817",
        "255 in two bytes": "a1041900ff", "65535 in four": "a1041a0000ffff",
        "2^32-1 in eight": "a1041b00000000ffffffff", "tag 1": "a104c101",
        "tag 2": "a104c24101", "invalid UTF-8": "a10462c328", "surrogate": "a10463eda080",
        "overlong slash": "a10462c0af", "bytes key": "a141046141", "list key": "a1816141",
        "null key": "a1f66141", "nine levels": "a104" + "81" * 8 + "01",
        "length beyond the data": "a1045affffffff", "list beyond the data": "a1049affffffff",
        "reserved form": "a1041c", "cut short": "a104", "break": "a104ff",
        "8 byte length": "a1045b0000000100000000",
    }  # fmt: skip
    for title, raw in raws.items():
        payload = with_raw_identity(bytes.fromhex(raw))
        case(f"cbor: {title}", forged(P256, payload=payload), refused="qr.cbor")
    deep = with_raw_identity(bytes.fromhex("a104" + "81" * 6 + "01"))
    case("cbor: eight levels", forged(P256, payload=deep),
         accepted={"identity": {}, "findings": [["field.not_understood", 4]], "unknown": ["4"]})  # fmt: skip
    for title, integer in (("2^53", 1 << 53), ("2^64-1", (1 << 64) - 1), ("-2^64", -(1 << 64))):
        case(f"cbor: {title}", forged(P256, k169={32: integer}),
             accepted={"identity": {}, "findings": [["field.not_understood", 32]], "unknown": ["32"]})  # fmt: skip
    bom = with_raw_identity(b"\xa1\x04\x64\xef\xbb\xbfA")
    case("cbor: byte order mark", forged(P256, payload=bom), refused="qr.text")
    for title, message in (("a number", b"\x01"), ("three parts", cbor.encode([b"", {}, b""])),
                           ("tag 61 alone", cbor.encode(cbor.Tag(61, [b"", {}, b"", b""]))),
                           ("payload null", cbor.encode([b"", {}, None, b""])),
                           ("tag 18 twice", cbor.encode(cbor.Tag(18, cbor.Tag(18, 1))))):  # fmt: skip
        case(f"cose: {title}", envelope.pack(message), refused="qr.cose")
    case("cose: tag 98", envelope.pack(cbor.encode(cbor.Tag(98, [b"", {}, b"", b""]))),
         refused="qr.cbor")  # fmt: skip


def contents() -> None:
    for value in (None, "text", 5, [], True, cbor.Tag(24, {})):
        case(f"no identity: {value}", forged(P256, k169=value), refused="qr.claim169")
    hidden = "\u0000 \u0007 \n \u007f \u0085 \u00ad \u061c \u180e \u200b \u200e \u200f \u2028 \u202e \u2060 \u2066 \u2069 \ufeff \ufff9 \uffff \U000e0041"
    for character in hidden.split(" "):
        case(f"hidden U+{ord(character):04X}", forged(P256, k169={4: f"THU{character}"}),
             refused="qr.text")  # fmt: skip
    case("too long a name", forged(P256, k169={4: "A" * 201}), refused="qr.text")
    case("two hundred characters outside the BMP", forged(P256, k169={4: "𠀀" * 200}),
         accepted={"identity": {"name": "𠀀" * 200}})  # fmt: skip
    for title, changed in (("issuer is a number", {"k1": 5}), ("issuer too long", {"k1": "a" * 513}),
                           ("subject is a list", {"k2": []}), ("expiry is text", {"k4": "1"}),
                           ("expiry is true", {"k4": True}), ("expiry is negative", {"k4": -1}),
                           ("expiry after 9999", {"k4": 253_402_300_800}),
                           ("id too long", {"k7": bytes(65)}), ("audience is bytes", {"k3": b"a"})):  # fmt: skip
        case(title, forged(P256, **changed), refused="qr.cwt")
    for raw in (1, {}, {"status_list": {}}, {"status_list": {"idx": -1, "uri": "u"}},
                {"status_list": {"idx": True, "uri": "u"}}, {"status_list": {"idx": 1, "uri": "u" * 513}},
                {"status_list": {"idx": "1", "uri": "u"}}):  # fmt: skip
        case(f"status reference {raw}"[:60], forged(P256, k65535=raw), refused="qr.status")
    unreal = {
        "20260230": 8,
        "00000101": 8,
        "1990-0302": 8,
        "19900302 ": 8,
        "+84 <1>": 12,
        "vn": 13,
    }
    for raw, key in unreal.items():
        case(f"not understood: {raw} at {key}", forged(P256, k169={key: raw}), accepted={
            "identity": {}, "findings": [["field.not_understood", key]], "unknown": [str(key)]})  # fmt: skip


def published_statuses(signer: SoftwareSigner = P256, bits: int = 2, **changes: object) -> bytes:
    values = {"uri": LIST, "issuer": ISSUER, "issued_at": AT, "expires_at": AT + 7 * DAY}
    top = (1 << bits) - 1
    held = pack_statuses({7: 1, 8: min(2, top), 9: min(3, top)}, size=1024, bits=bits)
    return issue_list(held, ListTerms(**{**values, **changes}), signer)


def statuses() -> None:
    def with_status(index: int, uri: str = LIST, signer: SoftwareSigner = P256) -> str:
        place = StatusReference(uri=uri, index=index)
        terms = Terms(issuer=ISSUER, issued_at=AT, expires_at=AT + 90 * DAY, status=place)
        return issue(Identity(name="NGUYEN VAN THU"), terms, signer)

    listed = [{"uri": LIST, "list": published_statuses().hex()}]
    fresh = {"identity": {"name": "NGUYEN VAN THU"}, "freshness": "fresh"}
    case("status: holds", with_status(6), statuses=listed, accepted=fresh)
    case("status: holds, last", with_status(1023), statuses=listed, accepted=fresh)
    for index, code in ((7, "qr.revoked"), (8, "qr.suspended"), (9, "qr.status_unknown"),
                        (1024, "qr.status_index"), (1 << 60, "qr.status_index")):  # fmt: skip
        case(f"status: entry {index}", with_status(index), statuses=listed, refused=code)
    case("status: list not held", with_status(6, uri=LIST + "0"), statuses=listed,
         refused="qr.status_unavailable")  # fmt: skip
    must = {"require_status": True}
    case("status: required, none named", forged(P256), statuses=listed, policy=must,
         refused="qr.status_missing")  # fmt: skip
    case(
        "status: required, nobody to ask", with_status(6), policy=must, refused="qr.status_missing"
    )
    late = NOW + 13 * 3600
    edge = NOW + 12 * 3600
    case("status: at its end", with_status(6), statuses=listed, at=edge, accepted=fresh)
    case("status: as stale as allowed", with_status(6), statuses=listed, at=edge + 10,
         policy={"max_stale_s": 10}, accepted={**fresh, "freshness": "stale_accepted"})  # fmt: skip
    case("status: stale and accepted", with_status(6), statuses=listed, at=late,
         policy={"max_stale_s": 7200}, accepted={**fresh, "freshness": "stale_accepted"})  # fmt: skip
    case("status: stale and refused", with_status(6), statuses=listed, at=late,
         policy={"max_stale_s": 1800}, refused="qr.status_stale")  # fmt: skip
    case("status: revoked in a stale list", with_status(7), statuses=listed, at=late,
         policy={"max_stale_s": 7200}, refused="qr.revoked")  # fmt: skip
    other = [{"uri": LIST, "list": published_statuses(ED25519, issuer=OTHER).hex()}]
    case("status: list of another issuer", with_status(6), statuses=other,
         keys=["es256", "eddsa as other"], refused="qr.status_issuer")  # fmt: skip


def status_lists() -> None:
    def listing(name: str, data: bytes, **rest: object) -> None:
        case(f"status list: {name}", data, kind="status_list", uri=LIST, **rest)

    for bits in (1, 2, 4, 8):
        listing(f"{bits} bits", published_statuses(bits=bits),
                accepted={"statuses": {"6": 0, "7": 1, "8": min(2, (1 << bits) - 1), "1023": 0}})  # fmt: skip

    def token(typ: object = "application/statuslist+cwt", **changes: object) -> bytes:
        raw = {"bits": 1, "lst": zlib.compress(bytes(128))}
        base = {1: ISSUER, 2: LIST, 4: NOW + 60, 6: NOW, 65534: 60, 65533: raw}
        headers = cbor.encode({1: P256.alg, 4: P256.kid, 16: typ})
        return signed(P256, cbor.encode(merged(base, changes)), protected=headers)

    first = {"accepted": {"statuses": {"0": 0}}}
    listing("at its end", token(), at=NOW + 60, **first)
    listing("as stale as allowed", token(), at=NOW + 70, policy={"max_stale_s": 10}, **first)
    listing("staler", token(), at=NOW + 71, policy={"max_stale_s": 10}, refused="qr.status_stale")
    listing("longest ttl", token(k65534=366 * 86_400), **first)
    listing("ends before its ttl", token(k4=NOW + 9), at=NOW + 10, refused="qr.status_stale")
    listing("no end", token(k4=None), at=NOW + 60, **first)
    listing("subject is bytes", token(k2=LIST.encode()), refused="qr.status_uri")
    listing("no issuer named", token(k1=None), accepted={"statuses": {"0": 0}})
    listing("another type", token("application/cwt"), refused="qr.status_list")
    listing("another address", token(k2="https://id.example.vn/status/2"), refused="qr.status_uri")
    listing("another issuer", token(k1=OTHER), refused="qr.issuer_of_key")
    listing("no issue time", token(k6=None), refused="qr.status_list")
    listing("future", token(k6=NOW + 61), refused="qr.issued_in_future")
    listing("stale", token(), at=NOW + 61, refused="qr.status_stale")
    for title, raw in (("3 bits", {"bits": 3, "lst": b""}), ("true bits", {"bits": True, "lst": b""}),
                       ("no list", {"bits": 1}), ("text", "x")):  # fmt: skip
        listing(title, token(k65533=raw), refused="qr.status_list")
    listing("damaged", token(k65533={"bits": 1, "lst": b"xxxxxxxx"}), refused="qr.zlib")
    for ttl in (0, -1, 366 * 86_400 + 1, "60", True):
        listing(f"ttl {ttl!r}", token(k65534=ttl), refused="qr.status_list")


def trust_lists() -> None:
    listed = [
        IssuerKey.of(ISSUER, P256.public_key),
        IssuerKey(issuer=ISSUER, kid=ED25519.kid, public_key=ED25519.public_key,
                  denied=(Denied(start=NOW - 9, end=NOW - 5), Denied(start=NOW + 50))),
    ]  # fmt: skip

    def published(**changes: object) -> bytes:
        values = {"publisher": PUBLISHER, "version": 3, "issued_at": AT, "expires_at": AT + DAY}
        return issue_trust_list(listed, ROOT, edition=Edition(**{**values, **changes}))

    def listing(name: str, data: bytes, **rest: object) -> None:
        case(f"trust list: {name}", data, kind="trust_list", **{"keys": ["root"], **rest})

    found = {"version": 3, "keys": [[ISSUER, P256.kid.hex(), []],
             [ISSUER, ED25519.kid.hex(), [[NOW - 9, NOW - 5], [NOW + 50, None]]]]}  # fmt: skip
    listing("two keys", published(), accepted=found)
    listing("the version that is held", published(), held_version=3, accepted=found)
    listing("an older version", published(), held_version=4, refused="qr.trust_list_older")
    late = NOW + 90_000
    listing(
        "stale and accepted", published(), at=late, policy={"max_stale_s": 7200}, accepted=found
    )
    listing("stale", published(), at=late, refused="qr.trust_list_stale")
    listing("at its end", published(), at=NOW + 86_400, accepted=found)
    listing(
        "as stale as allowed",
        published(),
        at=NOW + 86_410,
        policy={"max_stale_s": 10},
        accepted=found,
    )
    listing("another publisher's key", published(), keys=["es256"], refused="qr.kid_unknown")
    listing("another publisher's name", published(publisher=OTHER), refused="qr.issuer_of_key")

    def token(typ: object = "application/eid-trust-list+cose", **changes: object) -> bytes:
        claims = {1: PUBLISHER, 4: NOW + 60, 6: NOW}
        values = {"k-70010": 1, "k-70011": [], **changes}
        headers = cbor.encode({1: ROOT.alg, 4: ROOT.kid, 16: typ})
        return signed(ROOT, cbor.encode(merged(claims, values)), protected=headers)

    listing("empty", token(), accepted={"version": 1, "keys": []})
    for title, changed in (
        ("version 0", {"k-70010": 0}), ("version true", {"k-70010": True}),
        ("no version", {"k-70010": None}), ("no end", {"k4": None}), ("no begin", {"k6": None}),
        ("keys are a map", {"k-70011": {}}), ("entry is text", {"k-70011": ["x"]}),
        ("unknown member", {"k-70011": [{1: "a", 2: b"k", 3: bytes(32), 5: 1}]}),
        ("issuer is bytes", {"k-70011": [{1: b"a", 2: b"k", 3: ED25519_RAW}]}),
        ("kid is text", {"k-70011": [{1: "a", 2: "k", 3: ED25519_RAW}]}),
        ("key is text", {"k-70011": [{1: "a", 2: b"k", 3: "x" * 32}]}),
        ("no key", {"k-70011": [{1: "a", 2: b"k"}]}),
        ("x beyond the field", {"k-70011": [{1: "a", 2: b"k", 3: b"\x02" + P_PLUS_FIVE}]}),
        ("empty kid", {"k-70011": [{1: "a", 2: b"", 3: bytes(32)}]}),
        ("key of 31 bytes", {"k-70011": [{1: "a", 2: b"k", 3: bytes(31)}]}),
        ("point off the curve", {"k-70011": [{1: "a", 2: b"k", 3: b"\x02" + b"\xff" * 32}]}),
        ("not compressed", {"k-70011": [{1: "a", 2: b"k", 3: b"\x04" + bytes(32)}]}),
        ("window of one", {"k-70011": [{1: "a", 2: b"k", 3: ED25519_RAW, 4: [[1]]}]}),
        ("window of text", {"k-70011": [{1: "a", 2: b"k", 3: ED25519_RAW, 4: [["1", 2]]}]}),
        ("windows null", {"k-70011": [{1: "a", 2: b"k", 3: ED25519_RAW, 4: None}]}),
    ):  # fmt: skip
        listing(title, token(**changed), refused="qr.trust_list")
    listing("another type", token("application/cwt"), refused="qr.trust_list")
    listing("future", token(k6=NOW + 61), refused="qr.issued_in_future")
    denied = forged(ED25519, k5=None, k6=NOW - 7)
    case("signed in a denied time", denied, keys=["eddsa denied"], refused="qr.key_denied")
    case("no time, key denied at times", forged(ED25519, k6=None, k5=None),
         keys=["eddsa denied"], refused="qr.key_denied")  # fmt: skip
    case("signed outside the denied time", forged(ED25519), keys=["eddsa denied"],
         accepted={"identity": {"name": "NGUYEN VAN THU"}})  # fmt: skip


def edges() -> None:
    """Both sides of every limit."""
    name = {"identity": {"name": "NGUYEN VAN THU"}}
    for title, changed in (("subject of 512 characters", {"k2": "s" * 512}), ("subject of 512 bytes", {"k2": bytes(512)}),
                           ("id of 64 bytes", {"k7": bytes(64)}), ("end in 9999", {"k4": 253_402_300_799}),
                           ("issued in 1970", {"k5": 0, "k6": 0}), ("begins at the skew", {"k5": NOW + 60}),
                           ("issued at the skew", {"k6": NOW + 60}), ("claims are null", {"k2": None, "k5": None, "k6": None})):  # fmt: skip
        case(title, forged(P256, **changed), accepted=name)
    for title, changed in (
        ("subject of 513 characters", {"k2": "s" * 513}),
        ("subject of 513 bytes", {"k2": bytes(513)}),
    ):
        case(title, forged(P256, **changed), refused="qr.cwt")
    case(
        "as old as allowed",
        forged(P256, k4=None, k5=None, k6=NOW - 660),
        policy={"max_age_s": 600},
        accepted=name,
    )
    case("claims are a list", forged(P256, payload=cbor.encode([1])), refused="qr.cbor")
    case(
        "protected header is a list",
        forged(P256, parts={"protected": cbor.encode([1])}),
        refused="qr.cbor",
    )
    case(
        "kids of one length differ",
        forged(P256, parts={"unprotected": {4: b"another!"}}),
        refused="qr.cose.headers",
    )
    case("the same kid twice", forged(P256, parts={"unprotected": {4: P256.kid}}), accepted=name)
    case("tag 61 twice", forged(P256, wrap=lambda m: b"\xd8\x3d\xd8\x3d" + m), refused="qr.cose")
    stream = bytearray(base45.decode(forged(P256)))
    for bit in range(8):
        changed = bytes([*stream[:-5], stream[-5] ^ 1 << bit, *stream[-4:]])
        case(f"zlib: bit {bit} of the last byte", base45.encode(changed), refused="qr.zlib")
    nobody = forged(P256, k65535={"status_list": {"idx": 0, "uri": "u" * 512}})
    case("status reference, nobody to ask", nobody, accepted=name)


def lengths() -> None:
    """Lengths whose CBOR heads differ in size, and the most that a stream may unfold to."""
    name = {"identity": {"name": "NGUYEN VAN THU"}}
    for size, result in (
        (65_536, {"accepted": {**name, "findings": [], "unknown": []}}),
        (65_537, {"refused": "qr.zlib"}),
    ):
        padding = size - len(envelope.unpack(forged(P256, k99=bytes(65_000)))) + 65_000
        case(f"inflates to {size} bytes", forged(P256, k99=bytes(padding)), **result)
    for size in (254, 255, 256, 257):
        padding = size - len(cbor.encode(claims(k99=bytes(100)))) + 100
        case(f"claims of {size} bytes", forged(P256, k99=bytes(padding)), accepted=name)
    for size in (23, 24, 25):
        bare = {1: P256.alg, 4: P256.kid}
        filled = cbor.encode({**bare, 3: "x" * (size - len(cbor.encode(bare)) - 2)})
        case(
            f"protected header of {len(filled)} bytes",
            forged(P256, parts={"protected": filled}),
            accepted=name,
        )


def keys_of_issuers() -> None:
    """Keys that share a name, and times of their misuse."""
    name = {"identity": {"name": "NGUYEN VAN THU"}}
    for title, names, result in (("first", ["twin", "es256"], {"accepted": name}), ("last", ["es256", "twin"], {"accepted": name}),
                                 ("alone", ["twin"], {"refused": "qr.signature"}), ("eight", ["twin"] * 7 + ["es256"], {"accepted": name}),
                                 ("nine", ["twin"] * 8 + ["es256"], {"refused": "qr.signature"}),
                                 ("other kind", ["eddsa twin", "es256"], {"accepted": name})):  # fmt: skip
        case(f"two keys of one kid, {title}", forged(P256), keys=names, **result)
    for at in (NOW - 9, NOW - 5, NOW + 50):
        case(f"signed at the edge of a denied time, {at - NOW}", forged(ED25519, k5=None, k6=at),
             keys=["eddsa denied"], refused="qr.key_denied")  # fmt: skip
    for at in (NOW - 10, NOW - 4, NOW + 49):
        case(f"signed beside a denied time, {at - NOW}", forged(ED25519, k5=None, k6=at),
             keys=["eddsa denied"], accepted=name)  # fmt: skip


def values() -> None:
    """Single fields: what is understood, and what is kept as it is."""
    item = {0: b"x"}
    fine = {
        14: [1, 3], 16: [b"x", bytes(4096)], 18: [[], [1] * 10], 29: ["0", "2"], 32: [1, 150],
        31: ["A" * 10, "A" * 15], 12: ["1" * 40, "+84 (0) 1.2-3"], 13: ["VN", "VNM"], 20: ["vie"],
    }  # fmt: skip
    names = {14: "marital_status", 16: "image", 18: "best_fingers", 29: "level", 32: "age_over",
             31: "insurance_number", 12: "phone", 13: "nationality", 20: "second_language"}  # fmt: skip
    for key, found in fine.items():
        for at, value in enumerate(found):
            shown = value.hex() if isinstance(value, bytes) else value
            accepted: dict[str, object] = {"identity": {names[key]: shown}}
            if key == 16:
                accepted["portrait"] = shown
            case(f"understood: {key}, {at}", forged(P256, k169={key: value}), accepted=accepted)
    odd = {
        4: [1, b"x", None, True], 14: [0, 4, "1", True], 16: [b"", bytes(4097), "x"], 18: [[1] * 11, [1, "2"], [True], 1, "1"],
        29: ["3", "", 1], 32: [0, 151, True], 31: ["A" * 9, "A" * 16, "a" * 10], 12: ["1" * 41], 13: ["V", "VNMM"],
        20: [5, "v", "viet", "v1"], 9: [0, 4, True, "0", "12"], 8: [19900302, "1990/03/02"],
    }  # fmt: skip
    for key, found in odd.items():
        for at, value in enumerate(found):
            case(f"kept as it is: {key}, {at}", forged(P256, k169={key: value}), accepted={
                "identity": {}, "findings": [["field.not_understood", key]], "unknown": [str(key)]})  # fmt: skip
    for key in (50, 65):
        case(f"biometric at {key}", forged(P256, k169={key: [item]}), accepted={"identity": {}})
    for key, value in ((49, [item]), (66, [item]), (62, []), (62, [item] * 11), (62, "x"), (62, [1]),
                       (62, [{0: b"x", 4: 1}]), (62, [{0: "x"}]), (62, [{1: 1}]), (62, [{0: b"x", 1: "1"}]),
                       (62, [{0: b"x", 2: True}]), (62, [{0: b"x", 3: 1}]), (62, [item, {}])):  # fmt: skip
        case(f"no biometric: {key} {value!r:.40}", forged(P256, k169={key: value}), accepted={
            "identity": {}, "findings": [["field.unknown", key]], "unknown": [str(key)]})  # fmt: skip
    case(
        "ten biometrics",
        forged(P256, k169={62: [item] * 10}),
        accepted={"identity": {}, "portrait": b"x".hex()},
    )
    nulls = {0: b"x", 1: None, 2: None, 3: None}
    case(
        "biometric with nulls",
        forged(P256, k169={62: [nulls]}),
        accepted={"identity": {}, "portrait": b"x".hex()},
    )
    case(
        "biometric of a hidden issuer",
        forged(P256, k169={50: [{0: b"x", 3: "a\u202eb"}]}),
        refused="qr.text",
    )


P_PLUS_FIVE = ((1 << 256) - (1 << 224) + (1 << 192) + (1 << 96) - 1 + 5).to_bytes(32, "big")
ED25519_RAW = ED25519.public_key.public_bytes_raw()


def presence() -> None:
    def code(name: str, text: str, **rest: object) -> None:
        asked = {"audience": ASKED.audience, "challenge": ASKED.challenge.hex()}
        case(f"presence: {name}", text, **{"kind": "presence", "asked": asked, **rest})

    def forge(signer: SoftwareSigner = P256, aad: bytes = PURPOSE, **changes: object) -> str:
        base = {2: b"s", 3: ASKED.audience, 4: NOW + 30, 6: NOW, 7: bytes(8), 10: ASKED.challenge}
        return base45.encode(signed(signer, cbor.encode(merged(base, changes)), aad=aad))

    for name, signer in (("es256", P256), ("eddsa", ED25519)):
        text = issue_presence(ASKED, subject=bytes(range(100, 116)), key=signer, at=AT)
        whole = {"subject": bytes(range(100, 116)).hex(), "issuer": ISSUER}
        code(name, text, accepted=whole)
        code(f"{name}, five seconds after its end", text, at=NOW + 34, accepted=whole)
        code(f"{name}, too late", text, at=NOW + 35, refused="qr.expired")
        code(f"{name}, clock five seconds behind", text, at=NOW - 5, accepted=whole)
        code(f"{name}, from the future", text, at=NOW - 6, refused="qr.issued_in_future")
        code(f"{name}, again", text, seen_before=[text], refused="qr.replayed")
        redrawn = issue_presence(ASKED, subject=bytes(16), key=signer, at=AT)
        code(f"{name}, challenge again", text, seen_before=[redrawn], refused="qr.replayed")
        code(f"{name}, for another", text, refused="qr.audience",
             asked={"audience": OTHER, "challenge": ASKED.challenge.hex()})  # fmt: skip
        code(f"{name}, other question", text, refused="qr.challenge",
             asked={"audience": ASKED.audience, "challenge": bytes(16).hex()})  # fmt: skip
        code(f"{name}, nobody trusted", text, keys=[], refused="qr.kid_unknown")
        code(f"{name}, other purpose", forge(signer, aad=b""), refused="qr.signature")
        code(f"{name}, names another issuer", forge(signer, k1=OTHER), refused="qr.issuer_of_key")
        code(f"{name}, packed as a credential", envelope.pack(base45.decode(text)),
             kind="credential", refused="qr.signature")  # fmt: skip
    asked_with_words(code)
    code("lives a minute", forge(k4=NOW + 60), accepted={"subject": b"s".hex(), "issuer": ISSUER})
    code("lives too long", forge(k4=NOW + 61), refused="qr.lifetime")
    code("a credential", forged(P256), refused="qr.cbor")
    code("short challenge", forge(k10=bytes(15)), refused="qr.challenge")
    code("no audience", forge(k3=None), refused="qr.audience")
    for title, changed in (("no end", {"k4": None}), ("no begin", {"k6": None}), ("no id", {"k7": None}),
                           ("short id", {"k7": bytes(7)}), ("no subject", {"k2": None}),
                           ("subject is text", {"k2": "s"}), ("no challenge", {"k10": None}),
                           ("chip is text", {"k-70001": "x"})):  # fmt: skip
        code(title, forge(**changed), refused="qr.presence")
    code("signed in a denied time", forge(ED25519, k6=NOW - 7, k4=NOW + 9), keys=["eddsa denied"],
         refused="qr.key_denied")  # fmt: skip


def asked_with_words(code: Callable[..., None]) -> None:
    """Place and purpose are signed: an answer to other words is one to another question."""
    whole = {"subject": b"s".hex(), "issuer": ISSUER}
    shown = {"place": "Khoa Cấp cứu, bàn 3", "purpose": "Nhận bệnh"}
    other = {"place": "Ngân hàng Mẫu", "purpose": "Vay tiền"}
    asked = {"audience": ASKED.audience, "challenge": ASKED.challenge.hex()}
    for name, signer in (("es256", P256), ("eddsa", ED25519)):
        for title, words in (("place and purpose", shown), ("place", {"place": shown["place"]}),
                             ("purpose", {"purpose": shown["purpose"]})):  # fmt: skip
            text = issue_presence(replace(ASKED, **words), subject=b"s", key=signer, at=AT)
            code(f"{name}, {title}", text, asked={**asked, **words}, accepted=whole)
            code(f"{name}, {title}, nothing shown", text, asked=asked, refused="qr.challenge")
            for kind in words:
                changed = {**words, kind: other[kind]}
                code(f"{name}, {title}, other {kind}", text, asked={**asked, **changed},
                     refused="qr.challenge")  # fmt: skip
    plain = issue_presence(ASKED, subject=b"s", key=ED25519, at=AT)
    code("words where none were shown", plain, asked={**asked, **shown}, refused="qr.challenge")
    swapped = {"place": shown["purpose"], "purpose": shown["place"]}
    text = issue_presence(replace(ASKED, **shown), subject=b"s", key=ED25519, at=AT)
    code("words changed places", text, asked={**asked, **swapped}, refused="qr.challenge")


def raw_key(signer: SoftwareSigner) -> str:
    key = signer.public_key
    if isinstance(key, ec.EllipticCurvePublicKey):
        numbers = key.public_numbers()
        return (bytes([2 + numbers.y % 2]) + numbers.x.to_bytes(32, "big")).hex()
    return key.public_bytes_raw().hex()


def main() -> None:
    for part in (
        positive,
        matrix,
        encodings,
        contents,
        statuses,
        status_lists,
        trust_lists,
        presence,
        edges,
        lengths,
        keys_of_issuers,
        values,
    ):
        part()
    keys = {
        name: {
            "issuer": PUBLISHER if name == "root" else ISSUER,
            "kid": signer.kid.hex(),
            "key": raw_key(signer),
        }
        for name, signer in SIGNERS.items()
    }
    keys["eddsa as other"] = {**keys["eddsa"], "issuer": OTHER}
    keys["twin"] = {**keys["es256"], "key": raw_key(TWIN)}
    keys["eddsa twin"] = {**keys["eddsa"], "kid": keys["es256"]["kid"]}
    keys["eddsa denied"] = {**keys["eddsa"], "denied": [[NOW - 9, NOW - 5], [NOW + 50, None]]}
    content = {"about": __doc__.partition("\n")[0], "keys": keys, "cases": CASES}
    lines = json.dumps(content, ensure_ascii=True, indent=1)
    (HERE / "verifier.json").write_text(lines + "\n")


if __name__ == "__main__":
    main()
