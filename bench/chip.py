"""What a read costs: commands and bytes on the wire, and our own time beside the bare primitives."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import Final

from cryptography.hazmat.primitives.asymmetric import ec as pyca_ec

from bench import jmrtd
from bench.environments import PeerMissing
from bench.report import Row
from eid.chip import pace, pcsc
from eid.chip.access import Can
from eid.chip.apdu import Command, Response
from eid.chip.card import Card
from eid.chip.crypto import Suite, decrypt, encrypt, pad, sm_iv, sm_mac
from eid.chip.lds.security_infos import parse_security_infos
from eid.chip.messaging import SecureMessaging
from eid.chip.read import read
from eid.chip.transport import Counting, Transport
from eid.testing.card_image import CardImage
from eid.testing.profiles import VIETNAM_CARD_ACCESS
from eid.testing.softcard import SoftwareCard
from eid.testing.softcard_messaging import ChipSession
from eid.testing.virtual_reader import VirtualReader, unavailable_reason
from tests.chip.read.reference import CAN, reference_card

AT = datetime(2026, 11, 20, tzinfo=UTC)
_CHUNK = 4096
_WHOLE = 65_536
_BLOCK = 50


def rows(*, quick: bool) -> Iterator[Row]:
    """The rows of this room; ``quick`` takes fewer repetitions."""
    yield from _counts()
    yield from _jmrtd()
    yield _pace(20 if quick else 100)
    yield _throughput(20 if quick else 100)
    yield from _over_pcscd(15 if quick else 60)


def _counts() -> Iterator[Row]:
    image = reference_card()
    cases = (
        ("extended length", True, None, 16, 22_133, "gmrtd 33 / 22,827, quoted"),
        ("short APDUs only", True, False, 106, 25_712, "gmrtd 123 / 26,386, quoted"),
        ("chip without extended length", False, None, 107, None, "1 APDU to find out"),
    )
    for name, capable, extended, apdus, octets, note in cases:
        counting = Counting(SoftwareCard(image, extended=capable))
        read(counting, CAN, challenge=bytes(8), at=AT, extended=extended)
        yield Row(
            what=f"APDUs of a whole read, {name}",
            figure=counting.apdus,
            bar=apdus,
            at_least=False,
            note=note,
        )
        if octets:
            yield Row(
                what=f"bytes of a whole read, {name}",
                figure=counting.octets,
                bar=octets,
                at_least=False,
            )
    counting = Counting(SoftwareCard(_with_vietnams_offer(image)))
    read(counting, CAN, challenge=bytes(8), at=AT)
    yield Row(
        what="bytes of a whole read with Vietnam's EF.CardAccess, extended",
        figure=counting.octets,
        note="its 54 bytes instead of 22 are content, not overhead",
    )


def _with_vietnams_offer(image: CardImage) -> CardImage:
    return replace(image, files={**image.files, "EF.CardAccess": VIETNAM_CARD_ACCESS})


_JMRTD: Final = (
    ("extended length", 65_536, 65_536, "26 / 22,537"),
    ("short APDUs only", 256, 223, "116 / 26,112"),
)


def _jmrtd() -> Iterator[Row]:
    """The same files and proofs of the same card, read by JMRTD at its best settings."""
    for name, longest, block, quoted in _JMRTD:
        what = f"of a whole read by JMRTD, {name}"
        try:
            done = jmrtd.read(reference_card(), longest=longest, block=block, by_sfi=True)
        except (PeerMissing, OSError, subprocess.SubprocessError) as missing:
            yield Row(
                what=f"APDUs {what}",
                figure=None,
                note=f"quoted {quoted}; not run: {missing}"[:120],
            )
            continue
        yield Row(what=f"APDUs {what}", figure=done.apdus, note="JMRTD 0.8.1 with SFI, run here")
        yield Row(what=f"bytes {what}", figure=done.octets)


def _pace(rounds: int) -> Row:
    """CPU of the terminal's side of PACE-GM over brainpoolP256r1, in ECDHs of `cryptography`."""
    infos = parse_security_infos(bytes.fromhex("31143012060A04007F0007020204020202010202010D"))
    offer = pace.choose_offer(infos)
    image = reference_card()
    key = pyca_ec.generate_private_key(pyca_ec.BrainpoolP256R1())
    other = key.public_key()
    ratios = []
    for _ in range(rounds):
        card, chips = SoftwareCard(image), 0.0
        inner = Card(card)

        def exchange(command: Command, inner: Card = inner) -> Response:
            nonlocal chips
            begin = time.thread_time()
            response = inner.exchange(command)
            chips += time.thread_time() - begin
            return response

        begin = time.thread_time()
        pace.run(exchange, offer, Can(CAN.value))
        ours = time.thread_time() - begin - chips
        begin = time.thread_time()
        for _ in range(4):
            key.exchange(pyca_ec.ECDH(), other)
        ratios.append(ours / ((time.thread_time() - begin) / 4))
    return Row(
        what="CPU of PACE-GM on brainpoolP256r1 over one ECDH of cryptography",
        figure=sorted(ratios)[len(ratios) // 2],
        bar=12,
        at_least=False,
        unit=" x",
        note="median; pure Python about 20 x",
    )


def _throughput(rounds: int) -> Row:
    """Protect and open 64 KB in chunks of 4 KB, beside the ciphers and MACs alone."""
    suite, key = Suite.AES_128, bytes(range(16))
    content = bytes(_CHUNK - 1)
    ratios = []
    for _ in range(rounds):
        chip = ChipSession(suite, key, key)
        ours = SecureMessaging(suite, key, key, bytes(16))
        spent, answers = 0.0, []
        for at in range(0, _WHOLE, _CHUNK):
            command = Command(0x00, 0xB0, at >> 8, at & 0xFF, le=_CHUNK)
            begin = time.thread_time()
            protected = ours.protect(command)
            spent += time.thread_time() - begin
            chip._ssc += 1
            raw = chip.protect(content, 0x9000)
            answers.append((protected, raw))
            begin = time.thread_time()
            ours.open(Response.parse(raw))
            spent += time.thread_time() - begin
        ratios.append(_bare(suite, key, len(answers)) / spent)
    return Row(
        what="secure messaging, 64 KB in 4 KB chunks, of bare CBC, IV and CMACs",
        figure=sorted(ratios)[len(ratios) // 2],
        bar=0.5,
        note="median",
    )


def _bare(suite: Suite, key: bytes, chunks: int) -> float:
    """CPU seconds of the primitives alone: an IV, the cipher over a chunk, both MACs."""
    cryptogram = encrypt(suite, key, pad(bytes(_CHUNK - 1), 16))
    begin = time.thread_time()
    for counter in range(chunks):
        ssc = counter.to_bytes(16, "big")
        sm_mac(suite, key, ssc, bytes(20))
        sm_mac(suite, key, ssc, cryptogram)
        decrypt(suite, key, cryptogram, iv=sm_iv(suite, key, ssc))
    return time.thread_time() - begin


def _over_pcscd(rounds: int) -> Iterator[Row]:
    """Our CPU per plain short APDU over a real pcscd, beyond SCardTransmit itself."""
    what = "CPU per plain short APDU over pcscd, beyond SCardTransmit"
    reason = unavailable_reason()
    if reason is not None:
        yield Row(what=what, figure=None, note=reason)
        return
    with VirtualReader.start() as reader:
        os.environ.update(reader.environment)
        reader.insert(reference_card())
        transport = pcsc.connect(allow_virtual=True)
        try:
            figure = _beyond_transmit(transport, rounds)
        finally:
            transport.close()
    yield Row(what=what, figure=figure, bar=40, at_least=False, unit=" µs", note="pyscard 34-60")


def _beyond_transmit(transport: Transport, blocks: int) -> float:
    """Microseconds of ours over theirs: the median over short blocks, by turns."""
    command = bytes.fromhex("00A4020C02011C")
    card = Card(transport)
    apdu = Command(0x00, 0xA4, 0x02, 0x0C, b"\x01\x1c")
    scard, handle = transport._scard, transport._card  # type: ignore[attr-defined]
    pci = transport._pci  # type: ignore[attr-defined]

    def cost(call: Callable[[], object]) -> float:
        begin = time.process_time()
        for _ in range(_BLOCK):
            call()
        return time.process_time() - begin

    cost(lambda: card.exchange(apdu))
    differences = sorted(
        cost(lambda: card.exchange(apdu))
        - cost(lambda: scard.SCardTransmit(handle, pci, list(command)))
        for _ in range(blocks)
    )
    return 1e6 * differences[len(differences) // 2] / _BLOCK
