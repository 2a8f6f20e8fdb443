"""The bars of the QR room: verifying, frames, sizes, status lists, drawing.

Ratios are taken in one run, rounds interleaved, each side at its best round.
"""

from __future__ import annotations

import io
import json
import random
import subprocess
import time
import zlib
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import qrcode
import zxingcpp
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256
from PIL import Image

from bench.environments import ROOT, PeerMissing, peer, python_of
from bench.report import Row
from eid.qr import cose, envelope, render, status
from eid.qr.claim169 import Biometric, Identity
from eid.qr.credential import StatusReference, verify_credential
from eid.qr.issue import Terms, issue
from eid.qr.issuers import IssuerKey, IssuerKeys
from eid.qr.presence import Asked, issue_presence
from eid.qr.scan import scan_image, scan_picture
from eid.qr.signers import SoftwareSigner

ISSUER = "https://id.example.vn"
NOW = datetime.now(UTC).replace(microsecond=0)
FRAMES_PER_LEVEL = 5
FEW = 10
"""Verifications of one round: short rounds find a moment in which nobody else works."""


def rows(*, quick: bool = False) -> Iterator[Row]:
    """Every bar of the issue, in its order."""
    yield from verifying(rounds=30 if quick else 300)
    yield from first_pass(rounds=30 if quick else 100)
    yield from distorted(per_level=1 if quick else FRAMES_PER_LEVEL)
    yield vietnamese()
    yield from sizes()
    yield from status_lists()
    yield from drawing(rounds=3 if quick else 10)


def seconds(work: Callable[[], object], repetitions: int) -> float:
    """CPU seconds of this thread for so many repetitions."""
    began = time.thread_time()
    for _ in range(repetitions):
        work()
    return time.thread_time() - began


def best(rounds: int, *sides: Callable[[], float]) -> list[float]:
    """The best of several interleaved rounds, for each side."""
    taken = [[side() for side in sides] for _ in range(rounds)]
    return [min(times) for times in zip(*taken, strict=True)]


# --- verifying -------------------------------------------------------------------------------


def identity() -> Identity:
    """The twelve fields of tests/vectors/qr/identity.json."""
    raw = json.loads((ROOT / "tests/vectors/qr/identity.json").read_text())
    return Identity(**{n: date.fromisoformat(v) if "date" in n else v for n, v in raw.items()})


def short_identity() -> Identity:
    """Six of them: a payload of about 160 bytes, as in the measurements that set the bar."""
    return replace(identity(), language=None, second_name=None, second_language=None,
                   issuing_country=None, origin=None, issue_date=None)  # fmt: skip


def issued(what: Identity, signer: SoftwareSigner, **more: object) -> str:
    terms = Terms(issuer=ISSUER, issued_at=NOW, expires_at=NOW + timedelta(days=90), **more)  # type: ignore[arg-type]
    return issue(what, terms, signer)


def keys_of(signer: SoftwareSigner) -> IssuerKeys:
    return IssuerKeys.of([IssuerKey.of(ISSUER, signer.public_key)])


def bare_verify(text: str, signer: SoftwareSigner) -> Callable[[], object]:
    """What ``cryptography`` alone does for this message."""
    message = cose.parse(envelope.unpack(text))
    signed = cose._to_be_signed(message.protected_raw, message.payload, b"")
    key, signature = signer.public_key, message.signature
    if isinstance(key, ec.EllipticCurvePublicKey):
        r, s = (int.from_bytes(half, "big") for half in (signature[:32], signature[32:]))
        der, algorithm = encode_dss_signature(r, s), ec.ECDSA(SHA256())
        return lambda: key.verify(der, signed, algorithm)
    return lambda: key.verify(signature, signed)


def verifying(*, rounds: int) -> Iterator[Row]:
    signers = {
        "ES256": (SoftwareSigner.of(ec.generate_private_key(ec.SECP256R1())), 0.60),
        "EdDSA": (SoftwareSigner.of(Ed25519PrivateKey.generate()), 0.75),
    }
    for name, (signer, bar) in signers.items():
        for label, what in (("6 fields", short_identity()), ("12 fields", identity())):
            text, keys = issued(what, signer), keys_of(signer)
            bare, full = best(
                rounds,
                lambda text=text, signer=signer: seconds(bare_verify(text, signer), FEW),
                lambda text=text, keys=keys: seconds(
                    lambda: verify_credential(text, keys, at=NOW), FEW
                ),
            )
            yield Row(
                what=f"text to verified claims, {name}, {label}",
                figure=bare / full,
                bar=bar if label == "6 fields" else None,
                note=f"of bare cryptography; {full / FEW * 1e6:.0f} µs against {bare / FEW * 1e6:.0f}",
            )
    for label, what in (("6 fields", short_identity()), ("12 fields", identity())):
        yield from against_peers(what, label, signers["ES256"][0], rounds=rounds)


def against_peers(
    what: Identity, label: str, signer: SoftwareSigner, *, rounds: int
) -> Iterator[Row]:
    """Each peer as it is, and `cwt` also with the work before it that a text needs."""
    text, keys = issued(what, signer), keys_of(signer)
    public = signer.public_key
    pem = public.public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    ).decode()
    point = public.public_bytes(
        serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint
    )
    key = {"pem": pem, "kid": signer.kid.hex()}
    message = envelope.unpack(text)
    tasks = (
        ("cwt", "cwt given the unpacked message", 1.2, {**key, "message": message.hex()}),
        ("cwt", "base45, zlib and cwt", 1.2, {**key, "text": text}),
        ("claim169", "claim169", 3.5,
         {"option": "verify_with_ecdsa_p256", "key": point.hex(), "text": text}),
    )  # fmt: skip
    for name, title, bar, task in tasks:
        try:
            with peer(name, f"verify_{name}.py", task) as other:
                ours, theirs, bare = best(
                    rounds,
                    lambda: seconds(lambda: verify_credential(text, keys, at=NOW), FEW),
                    lambda other=other: other.seconds(FEW),
                    lambda: seconds(bare_verify(text, signer), FEW),
                )
        except PeerMissing as missing:
            yield Row(what=f"peer {name}", figure=None, bar=bar, note=str(missing))
            continue
        yield Row(
            what=f"text to verified claims, {label}, times as fast as {title}",
            figure=theirs / ours,
            bar=bar,
            note=f"{ours / FEW * 1e6:.0f} µs against {theirs / FEW * 1e6:.0f}; bare cryptography "
            f"would be {theirs / bare:.2f}",
        )


# --- pictures --------------------------------------------------------------------------------


def frame_with(text: str) -> Image.Image:
    """A clean 720p frame with the code in its middle."""
    drawn = Image.open(io.BytesIO(render.render_png(text, module_px=5))).convert("L")
    frame = Image.new("L", (1280, 720), 190)
    frame.paste(drawn, ((1280 - drawn.width) // 2, (720 - drawn.height) // 2))
    return frame


def first_pass(*, rounds: int) -> Iterator[Row]:
    signer = SoftwareSigner.of(ec.generate_private_key(ec.SECP256R1()))
    text, keys = issued(identity(), signer), keys_of(signer)
    frame, formats = frame_with(text), zxingcpp.BarcodeFormat.QRCode

    def ours() -> object:
        (found,) = scan_picture(frame)
        return verify_credential(found.decode(), keys, at=NOW)

    def theirs() -> object:
        zxingcpp.read_barcodes(frame, formats=formats)
        return verify_credential(text, keys, at=NOW)

    whole, parts = best(rounds, lambda: seconds(ours, 2), lambda: seconds(theirs, 2))
    yield Row(
        what="720p frame to verified claims, of zxing-cpp and one verification",
        figure=whole / parts,
        bar=1.25,
        at_least=False,
        note=f"{whole / 2 * 1e3:.2f} ms against {parts / 2 * 1e3:.2f}",
    )


def distorted(*, per_level: int) -> Iterator[Row]:
    """The frame suite: drawn once by the generator in its own environment, kept in .eid/."""
    folder = ROOT / ".eid" / "bench" / f"frames-{per_level}"
    if not (folder / "manifest.json").exists():
        generator = ROOT / "bench" / "peers" / "qr_frames.py"
        try:
            python = python_of("frames")
        except PeerMissing as missing:
            yield Row(what="distorted frames", figure=None, bar=0.82, note=str(missing))
            return
        command = [python, "-I", generator, "--out", folder, "--per-level", str(per_level)]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    yield from _suite(folder)


def _suite(folder: Path) -> Iterator[Row]:
    manifest = json.loads((folder / "manifest.json").read_text())
    texts = {name: one["text"].encode() for name, one in manifest["payloads"].items()}
    read: dict[str, list[bool]] = {}
    alone, wrong, times = 0, 0, []
    for frame in manifest["frames"]:
        with Image.open(folder / frame["file"]) as picture:
            picture.load()
            began = time.thread_time()
            found = scan_picture(picture)
            times.append(time.thread_time() - began)
            alone += bool(scan_picture(picture, thorough=False))
        expected = texts[frame["payload"]]
        read.setdefault(frame["class"], []).append(expected in found)
        wrong += any(content != expected for content in found)
    every = [one for ones in read.values() for one in ones]
    times.sort()
    share, quiet = sum(every) / len(every), read["quietzone_modules"]
    yield Row(what=f"distorted frames read, of {len(every)}", figure=share, bar=0.82,
              note=f"zxing-cpp alone {alone / len(every):.3f}")  # fmt: skip
    yield Row(what="… without or with a thin quiet zone", figure=sum(quiet) / len(quiet), bar=0.95)
    yield Row(what="… wrong payloads", figure=wrong, bar=0, at_least=False)
    yield Row(what="… CPU per frame, mean", figure=1e3 * sum(times) / len(times), bar=350,
              at_least=False, unit=" ms",
              note=f"99 of 100 within {1e3 * times[len(times) * 99 // 100]:.0f} ms")  # fmt: skip


def vietnamese() -> Row:
    """300 made-up card strings, drawn as bytes without ECI, must come back exactly."""
    chosen = random.Random(7)
    surnames = [
        "Nguyễn",
        "Trần",
        "Lê",
        "Phạm",
        "Hoàng",
        "Huỳnh",
        "Vũ",
        "Võ",
        "Đặng",
        "Bùi",
        "Đỗ",
        "Hồ",
        "Ngô",
        "Dương",
        "Lý",
    ]
    given = [
        "Thử",
        "Mẫu",
        "Ước",
        "Định",
        "Quỳnh",
        "Như",
        "Hữu",
        "Nghĩa",
        "Thuỳ",
        "Dương",
        "Ánh",
        "Bảo",
        "Khuê",
        "Ỷ",
        "Lan",
        "Đức",
        "Hạnh",
    ]
    places = ["Xã Quỳnh Phụ, Huyện Mỹ Đức", "Phường Ỷ La, Tuyên Quang", "Ấp Đông Hưng, Cà Mau"]
    exact = 0
    for index in range(300):
        name = " ".join((chosen.choice(surnames), chosen.choice(given), chosen.choice(given)))
        sex = chosen.choice(("Nam", "Nữ"))
        text = f"0{index:02}199{index:06}||{name}|02031999|{sex}|{chosen.choice(places)}|04052021"
        exact += scan_image(render.render_png(text, module_px=3)) == (text.encode(),)
    return Row(what="Vietnamese card strings exact, of 300", figure=exact, bar=300)


# --- sizes, status lists, drawing ------------------------------------------------------------


def sizes() -> Iterator[Row]:
    signer = SoftwareSigner.of(ec.generate_private_key(ec.SECP256R1()))
    place = StatusReference(uri=f"{ISSUER}/status/1", index=(1 << 20) - 1)
    face = Biometric(data=random.Random(1).randbytes(500), format=0, subformat=4)
    with_face = replace(identity(), biometrics={62: (face,)})
    asked = Asked(audience="https://clinic.example.vn", challenge=bytes(range(16)))
    presence = issue_presence(asked, subject=bytes(range(16)), key=signer, at=NOW)
    subject = bytes(range(16))
    cases = (
        ("identity of twelve fields", issued(identity(), signer, subject=subject), "M", 13),
        ("… with status", issued(identity(), signer, subject=subject, status=place), "M", 15),
        ("… with 500 bytes of portrait", issued(with_face, signer, subject=subject), "L", 22),
        ("presence code", presence, "M", 9),
    )
    for name, text, level, bar in cases:
        version = render.plan(text, error_correction=level).version  # type: ignore[arg-type]
        yield Row(what=f"QR version at {level}: {name}", figure=version, bar=bar, at_least=False,
                  note=f"{len(text)} characters")  # fmt: skip


def status_lists() -> Iterator[Row]:
    signer = SoftwareSigner.of(ec.generate_private_key(ec.SECP256R1()))
    size = 100_000_000
    chosen = random.Random(3)
    statuses = {chosen.randrange(size): status.INVALID for _ in range(size // 1000)}
    packed = status.pack_statuses(statuses, size=size)
    terms = status.ListTerms(uri=f"{ISSUER}/status/1", issuer=ISSUER, issued_at=NOW,
                             expires_at=NOW + timedelta(days=1))  # fmt: skip
    token = status.issue_list(packed, terms, signer)
    keys = keys_of(signer)
    compressed = zlib.compress(packed.content, 9)
    load, inflate = best(
        5,
        lambda: seconds(lambda: status.verify_list(token, keys, uri=terms.uri, at=NOW), 1),
        lambda: seconds(lambda: zlib.decompress(compressed), 1),
    )
    held = status.verify_list(token, keys, uri=terms.uri, at=NOW).statuses
    indices = [chosen.randrange(size) for _ in range(10_000)]
    taken = min(seconds(lambda: [held.status(index) for index in indices], 1) for _ in range(5))
    yield Row(what="status list of 100 M entries, 0.1 % revoked", figure=len(token) / 1000,
              bar=220, at_least=False, unit=" kB")  # fmt: skip
    yield Row(
        what="… look-up", figure=taken / len(indices) * 1e6, bar=1, at_least=False, unit=" µs"
    )
    yield Row(what="… load, of zlib's own inflate", figure=load / inflate, bar=3, at_least=False)


def drawing(*, rounds: int) -> Iterator[Row]:
    signer = SoftwareSigner.of(ec.generate_private_key(ec.SECP256R1()))
    text = issued(identity(), signer)

    def by_qrcode() -> object:
        code = qrcode.QRCode(
            error_correction=qrcode.constants.ERROR_CORRECT_M, border=4, box_size=8
        )
        code.add_data(text, optimize=0)
        code.make()
        code.make_image().save(io.BytesIO(), "PNG")

    def by_zxing() -> object:
        code = zxingcpp.create_barcode(text, zxingcpp.BarcodeFormat.QRCode, ec_level="M")
        Image.fromarray(code.to_image(scale=8)).save(io.BytesIO(), "PNG")

    def ours(writer: render.Writer) -> Callable[[], object]:
        return lambda: render.png(render.plan(text, writer=writer))

    plain, own, fast, bare_fast = best(
        rounds,
        lambda: seconds(by_qrcode, 2),
        lambda: seconds(ours("qrcode"), 2),
        lambda: seconds(ours("zxing-cpp"), 10) / 5,
        lambda: seconds(by_zxing, 10) / 5,
    )
    yield Row(what="Claim 169 as PNG, writer qrcode, of qrcode's own time", figure=own / plain,
              bar=1.1, at_least=False)  # fmt: skip
    yield Row(what="… writer zxing-cpp, of zxing-cpp's own time", figure=fast / bare_fast, bar=1.1,
              at_least=False)  # fmt: skip
    yield Row(what="… writer zxing-cpp, of qrcode's own time", figure=fast / plain, bar=0.12,
              at_least=False)  # fmt: skip
