"""The parsers of the QR room; seeds are good codes of fictional people."""

from datetime import UTC, datetime, timedelta

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from eid.qr import base45, cbor, cose, cwt, envelope
from eid.qr.claim169 import Biometric, Identity
from eid.qr.credential import read_unverified, verify_credential
from eid.qr.issue import Terms, issue
from eid.qr.issuers import IssuerKey, IssuerKeys
from eid.qr.presence import Asked, SeenInMemory, issue_presence, verify_presence
from eid.qr.printed import parse_printed
from eid.qr.read_foreign import READERS
from eid.qr.render import render_png
from eid.qr.scan import scan_image
from eid.qr.signers import SoftwareSigner
from eid.qr.status import ListTerms, issue_list, pack_statuses, verify_list
from eid.qr.trust_list import Edition, issue_trust_list, verify_trust_list

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


TARGETS = {
    "base45": (lambda data: base45.decode(_as_text(data)), [_text.encode()]),
    "cbor": (lambda data: cbor.decode(data, tags=(18, 24, 61)), [_message, cbor.encode({1: [2]})]),
    "cose": (cose.parse, [_message, _statuses]),
    "cwt": (cwt.parse_claims, [cose.parse(_message).payload]),
    "inflate": (envelope.inflate, [base45.decode(_text)]),
    "credential": (
        lambda data: verify_credential(_as_text(data), KEYS, at=NOW),
        [_text.encode()],
    ),
    "unverified": (_message_of, [_message]),
    "presence": (
        lambda data: verify_presence(_as_text(data), KEYS, ASKED, at=NOW, seen=SeenInMemory()),
        [_presence.encode()],
    ),
    "status_list": (lambda data: verify_list(data, KEYS, uri=URI, at=NOW), [_statuses]),
    "trust_list": (lambda data: verify_trust_list(data, KEYS, at=NOW), [_trust]),
    "printed": (lambda data: parse_printed(data, at=NOW), [_card]),
    "dcc": (_foreign("dcc"), [b"HC1:" + _text.encode()]),
    "shc": (
        _foreign("shc"),
        [b"shc:/567629595326546034602925407728043360287028647167452228092866"],
    ),
    "idb": (_foreign("idb"), [b"RDB1B3HCQCAICAMCAKAFI6IDGC4LYAFRW6ZLTMFTWKIDUMUQHG2LH"]),
    "vds": (
        _foreign("vds"),
        [b"\xdc\x03\xd9\xc5\xd9\xcaZ\xfc\xa8\xf2\x06\xa8\xf2\x06\xfd\x02\x02\x03abc\xff\x01x"],
    ),
    "vds_nc": (
        _foreign("vds_nc"),
        [b'{"data":{"hdr":{"is":"UTO"},"msg":{}},"sig":{"alg":"ES256","cer":"AA","sigvl":"AA"}}'],
    ),
    "picture": (lambda data: scan_image(data, thorough=False), [render_png("HELLO", module_px=2)]),
}
