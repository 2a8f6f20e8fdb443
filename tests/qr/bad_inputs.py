"""Bad inputs, one after the other in a process of their own; says for each what it cost.

Run by test_bounds.py. Everything is made before the first measurement, piece by piece, so that what
is measured is the reading alone.
"""

from __future__ import annotations

import io
import json
import resource
import sys
import time
import zlib
from collections.abc import Callable, Iterator
from datetime import UTC, datetime

import pypdfium2
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from PIL import Image

from eid.errors import EidError
from eid.qr import base45, cbor, cose, envelope
from eid.qr.credential import verify_credential
from eid.qr.issuers import IssuerKey, IssuerKeys
from eid.qr.printed import parse_printed
from eid.qr.read_foreign import READERS
from eid.qr.render import render_png
from eid.qr.scan import scan_image
from eid.qr.signers import SoftwareSigner
from eid.qr.status import TYPE, verify_list
from eid.qr.trust_list import verify_trust_list

NOW = datetime(2026, 11, 21, tzinfo=UTC)
SIGNER = SoftwareSigner.of(Ed25519PrivateKey.from_private_bytes(bytes(range(32))))
ISSUER = "https://id.example"
KEYS = IssuerKeys.of([IssuerKey.of(ISSUER, SIGNER.public_key)])
MIB = 1 << 20


def bomb(size: int, *, wbits: int = 15) -> bytes:
    """*size* zeros, compressed, without ever being there whole."""
    packer = zlib.compressobj(9, wbits=wbits)
    return b"".join(packer.compress(bytes(MIB)) for _ in range(size // MIB)) + packer.flush()


def png(width: int, height: int) -> bytes:
    def chunk(kind: bytes, data: bytes) -> bytes:
        return (
            len(data).to_bytes(4, "big") + kind + data + zlib.crc32(kind + data).to_bytes(4, "big")
        )

    packer = zlib.compressobj(9)
    rows = b"".join(packer.compress(bytes(1 + width)) for _ in range(height)) + packer.flush()
    head = width.to_bytes(4, "big") + height.to_bytes(4, "big") + b"\x08\0\0\0\0"
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


def jpeg(width: int, height: int) -> bytes:
    """A small picture whose header says otherwise."""
    file = io.BytesIO()
    Image.new("L", (8, 8)).save(file, "JPEG")
    data = bytearray(file.getvalue())
    at = data.index(b"\xff\xc0") + 5
    data[at : at + 4] = height.to_bytes(2, "big") + width.to_bytes(2, "big")
    return bytes(data)


def pdf(pages: int, side: int) -> bytes:
    document, file = pypdfium2.PdfDocument.new(), io.BytesIO()
    for _ in range(pages):
        document.new_page(side, side)
    document.save(file)
    return file.getvalue()


def status_list(packed: bytes) -> bytes:
    claims = {1: ISSUER, 2: ISSUER, 6: int(NOW.timestamp()), 65533: {"bits": 1, "lst": packed}}
    return cose.sign(cbor.encode(claims), SIGNER, protected={16: TYPE})


def texts() -> Iterator[tuple[str, Callable[[], object]]]:
    for name, text in {
        "zip bomb": base45.encode(bomb(2 * MIB)),
        "empty": "",
        "40,000 characters": "A" * 40_000,
        "CBOR nested 60,000 deep": envelope.pack(b"\x81" * 60_000),
        "CBOR tags nested": envelope.pack(b"\xd8\x3d" * 30_000),
        "CBOR list of 2^32": envelope.pack(b"\x9a\xff\xff\xff\xff"),
        "CBOR map of 2^64": envelope.pack(b"\xbb" + b"\xff" * 8),
        "CBOR bytes of 2^63": envelope.pack(b"\x5b\x7f" + b"\xff" * 7),
        "CBOR map of 30,000 keys": envelope.pack(b"\xb9\x75\x30" + b"\x01\x01" * 30_000),
    }.items():
        yield name, lambda text=text: verify_credential(text, KEYS, at=NOW)
    for name, card in {
        "8 KB": "1" * 8192,
        "pipes": "|" * 100_000,
        "lines": "\r\n" * 50_000,
    }.items():
        yield f"printed code: {name}", lambda card=card: parse_printed(card, at=NOW)


def foreign() -> Iterator[tuple[str, Callable[[], object]]]:
    raw = bomb(50 * MIB, wbits=-15)
    codes = {
        "dcc": b"HC1:" + base45.encode(bomb(2 * MIB)).encode(),
        "shc": b"shc:/" + b"00" * 60_000,
        "idb": b"RDB1D" + b"A" * 4_000,
        "vds": b"\xdc\x03" + bytes(60_000),
        "vds_nc": b'{"data":' + b"[" * 4_000,
    }
    for kind, code in codes.items():
        yield f"{kind}: bomb", lambda kind=kind, code=code: READERS[kind](code, KEYS, NOW, None)
    yield "50 MB in 48 kB", lambda: envelope.inflate(bomb_50)
    yield "raw deflate", lambda: envelope.inflate(raw)


bomb_50 = bomb(50 * MIB)


def lists() -> Iterator[tuple[str, Callable[[], object]]]:
    huge = status_list(bomb(512 * MIB))
    yield "status list of 512 MB", lambda: verify_list(huge, KEYS, uri=ISSUER, at=NOW)
    yield "trust list of 8 MB", lambda: verify_trust_list(bytes(8 * MIB), KEYS, at=NOW)


def pictures() -> Iterator[tuple[str, Callable[[], object]]]:
    made = {
        "PNG of 100 megapixels": png(10_000, 10_000),
        "JPEG that says 4,000 megapixels": jpeg(65_000, 65_000),
        "PDF of 1,000 pages": pdf(1000, 60),
        "PNG cut short": render_png("A")[:60],
        "no picture": bytes(MIB),
    }
    for name, data in made.items():
        yield name, lambda data=data: scan_image(data)


def main() -> None:
    cases = [case for group in (texts, foreign, lists, pictures) for case in group()]
    scan_image(render_png("A"))  # libraries load what they need once
    for name, work in cases:
        before, began = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.process_time()
        try:
            work()
            code = None
        except EidError as e:
            code = e.code
        seconds = time.process_time() - began
        grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
        sys.stdout.write(json.dumps([name, code, seconds, grown]) + "\n")


if __name__ == "__main__":
    main()
