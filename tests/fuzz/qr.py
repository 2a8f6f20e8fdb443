"""The parsers of the QR room; seeds are good codes of fictional people."""

import io
import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from PIL import Image

from eid.qr import base45, c40, cbor, cose, cwt, envelope
from eid.qr.algorithms import read_key, write_key
from eid.qr.chains import verify_chained
from eid.qr.claim169 import Biometric, Identity, parse_identity
from eid.qr.credential import read_unverified, verify_credential
from eid.qr.headers import read_protected
from eid.qr.issue import Terms, issue
from eid.qr.issuers import IssuerKey, IssuerKeys
from eid.qr.portrait import shrink
from eid.qr.presence import Asked, SeenInMemory, issue_presence, verify_presence
from eid.qr.printed import parse_printed
from eid.qr.question import read_question, write_question
from eid.qr.read_foreign import READERS
from eid.qr.recognise import kind_of
from eid.qr.render import render_png
from eid.qr.scan import scan_image
from eid.qr.signers import SoftwareSigner
from eid.qr.status import ListTerms, issue_list, pack_statuses, verify_list
from eid.qr.trust_list import Edition, issue_trust_list, verify_trust_list
from eid.trust.store import TrustStore
from tests.qr import test_chains, test_foreign

NOW = datetime(2026, 11, 21, tzinfo=UTC)
LATER = NOW + timedelta(days=1)
ISSUER, URI = "https://id.example", "https://id.example/status/1"
SIGNER = SoftwareSigner.of(Ed25519PrivateKey.from_private_bytes(bytes(range(32))))
KEYS = IssuerKeys.of([IssuerKey.of(ISSUER, SIGNER.public_key)])
ASKED = Asked(audience="https://clinic.example", challenge=bytes(16))

_face = {62: (Biometric(data=bytes(40), format=0, subformat=4, issuer="x"),)}
_identity = Identity(name="NGUYỄN VĂN THỬ", sex="M", language="vie", biometrics=_face)
_text = issue(
    _identity,
    Terms(issuer=ISSUER, issued_at=NOW, expires_at=LATER, subject=b"s"),
    SIGNER,
    rng=bytes,
)
_message = envelope.unpack(_text)
_presence = issue_presence(ASKED, subject=b"s", key=SIGNER, at=NOW, rng=bytes)
_statuses = issue_list(
    pack_statuses({7: 1}, size=1 << 10),
    ListTerms(uri=URI, issuer=ISSUER, issued_at=NOW, expires_at=LATER),
    SIGNER,
)
_trust = issue_trust_list(
    KEYS.keys,
    SIGNER,
    edition=Edition(publisher=ISSUER, version=1, issued_at=NOW, expires_at=LATER),
)
_card = "001090999999||Nguyễn Văn Thử|02031990|Nam|Hà Nội|04052021".encode()


def _as_text(data: bytes) -> str:
    return data.decode("utf-8", "replace")


def _foreign(kind: str):
    return lambda data: READERS[kind](data, KEYS, NOW, None)


def _message_of(data: bytes) -> None:
    """Whatever is inside, in a proper envelope: the mutations reach the inner parsers."""
    read_unverified(envelope.pack(data))


def _claim(data: bytes) -> None:
    parse_identity(cbor.decode_map(data))


def _chained(kind: str):
    """Certificates included: mutations reach the chain, the name and the country."""
    return lambda data: verify_chained(
        data, kind=kind, keys=NOBODY, store=STORE, at=test_chains.NOW
    )


def _corpus(kind: str, field: str = "input") -> list[bytes]:
    """Every eighth published case of this kind, good and bad."""
    found = [case[field] for case in _cases if case["kind"] == kind]
    raw = kind.endswith("list")
    return [bytes.fromhex(one) if raw else one.encode() for one in found[::8]]


def _picture(kind: str) -> bytes:
    file = io.BytesIO()
    Image.open(io.BytesIO(render_png("HELLO", module_px=2))).convert("L").save(file, kind)
    return file.getvalue()


_vectors = Path(__file__).parents[1] / "vectors" / "qr"
_cases = json.loads((_vectors / "verifier.json").read_text())["cases"]
_claim_seed = cose.parse(_message).payload
_printed = [
    _card,
    "001090999999|123456789|Nguyễn Văn Thử|02031990|Nam|Hà Nội|04052021||||".encode(),
    "001190999999|Nguyễn Thị Mẫu|02031990|Nữ|Xã A, Huyện B|04052021".encode(),
    b"DN4790000000001|4e677579e1bb856e|02/03/1990|1|48c3a0",
]
_asked = replace(ASKED, place="Bàn 3", purpose="Nhận bệnh")
_signer = test_chains.signer(use=test_chains.HEALTH)
NOBODY = IssuerKeys.of([])
STORE = TrustStore.of(csca=[test_chains.authority()], ds=[_signer])

TARGETS = {
    "base45": (lambda data: base45.decode(_as_text(data)), [_text.encode()]),
    "cbor": (lambda data: cbor.decode(data, tags=(18, 24, 61)), [_message, cbor.encode({1: [2]})]),
    "headers": (
        read_protected,
        [cose.parse(_message).protected_raw, cbor.encode({1: -7, 2: [4], 4: b"k"})],
    ),
    "cose": (
        cose.parse,
        [_message, _statuses]
        + [
            bytes.fromhex(json.loads(path.read_text())["output"]["cbor"])
            for path in sorted((_vectors / "cose-sign1").glob("*.json"))
        ],
    ),
    "cwt": (cwt.parse_claims, [cose.parse(_message).payload]),
    "inflate": (envelope.inflate, [base45.decode(_text)]),
    "envelope": (lambda data: envelope.unpack(_as_text(data)), [_text.encode()]),
    "identity": (_claim, [cbor.encode(cbor.decode_map(_claim_seed)[169])]),
    "credential": (
        lambda data: verify_credential(_as_text(data), KEYS, at=NOW),
        [_text.encode(), *_corpus("credential")],
    ),
    "unverified": (_message_of, [_message]),
    "presence": (
        lambda data: verify_presence(_as_text(data), KEYS, ASKED, at=NOW, seen=SeenInMemory()),
        [_presence.encode(), *_corpus("presence")],
    ),
    "question": (
        lambda data: read_question(_as_text(data)),
        [write_question(one).encode() for one in (ASKED, _asked)],
    ),
    "status_list": (
        lambda data: verify_list(data, KEYS, uri=URI, at=NOW),
        [_statuses, *_corpus("status_list")],
    ),
    "trust_list": (
        lambda data: verify_trust_list(data, KEYS, at=NOW),
        [_trust, *_corpus("trust_list")],
    ),
    "printed": (lambda data: parse_printed(data, at=NOW), _printed),
    "kind": (kind_of, [*_printed, _text.encode(), b"shc:/56", b"\xdc\x03"]),
    "key": (read_key, [write_key(SIGNER.public_key), write_key(test_foreign.P256.public_key())]),
    "c40": (c40.decode, [c40.encode("UTTS05"), c40.encode("A<B 1")]),
    "dcc": (_foreign("dcc"), [test_foreign.make_dcc().encode(), b"HC1:" + _text.encode()]),
    "shc": (
        _foreign("shc"),
        [test_foreign.make_shc().encode()],
    ),
    "idb": (_foreign("idb"), [test_foreign.make_idb(flag=flag).encode() for flag in "BD"]),
    "vds": (_foreign("vds"), [test_foreign.make_vds(version=version) for version in (2, 3)]),
    "vds_nc": (_foreign("vds_nc"), [test_foreign.make_vds_nc().encode()]),
    **{
        f"chained_{name.replace(' ', '_')}": (_chained(name.partition(" ")[0]), [make(_signer)])
        for name, make in test_chains.MAKE.items()
    },
    "picture": (
        lambda data: scan_image(data, thorough=False),
        [_picture(kind) for kind in ("PNG", "JPEG", "WEBP", "PDF")],
    ),
    "portrait": (shrink, [_picture(kind) for kind in ("PNG", "JPEG", "WEBP")]),
}
