"""Signed data made to exhaust: each is refused in bounded time and memory."""

from __future__ import annotations

import time
import tracemalloc
from datetime import UTC, datetime

import pytest

from eid import tlv
from eid.chip.evidence import UNKNOWN_ACCESS, Evidence
from eid.chip.verify import judge
from eid.errors import FormatError
from eid.testing import der, sod
from eid.trust.public_keys import parse_public_key
from eid.trust.revocation import parse_crl
from eid.trust.store import TrustStore

NOW = datetime(2026, 1, 1, tzinfo=UTC)
CPU_SECONDS = 0.5
PEAK_BYTES = 32 << 20


def nested(depth, tag=0x30):
    data = b""
    for _ in range(depth):
        data = tlv.encode(tag, data)
    return data


def content_info(*fields):
    data = der.sequence(*fields)
    return tlv.encode(0x77, der.sequence(der.oid("1.2.840.113549.1.7.2"), der.explicit(0, data)))


def many_certificates(authority):
    return sod.security_object(
        b"content",
        key=authority.ds_key,
        certificate=authority.ds_der * 1000,
        issuer_and_serial=der.sequence(authority.csca_name, der.integer(1)),
    )


SODS = {
    "nested": lambda _: tlv.encode(0x77, nested(9000)),
    "nested sets": lambda _: tlv.encode(0x77, nested(9000, 0x31)),
    "indefinite": lambda _: b"\x77\x80" + b"\x30\x80" * 20_000,
    "unclosed": lambda _: tlv.encode(0x77, b"\x30\x80" * 20_000),
    "wide": lambda _: tlv.encode(0x77, der.sequence(*[der.null()] * 25_000)),
    "thousand certificates": many_certificates,
    "small certificates": lambda _: content_info(
        der.integer(3), der.set_of(), der.sequence(), der.explicit(0, b"\x30\x00" * 15_000)
    ),
    "long length": lambda _: b"\x77\x84\xff\xff\xff\xff" + bytes(100),
    "a megabyte": lambda _: tlv.encode(0x77, bytes(1 << 20)),
    "huge version": lambda _: content_info(tlv.encode(0x02, b"\x7f" * 60_000)),
    "huge object identifier": lambda _: tlv.encode(
        0x77, der.sequence(tlv.encode(0x06, b"\x81" * 60_000 + b"\x01"))
    ),
}


@pytest.mark.parametrize("name", SODS)
def test_a_security_object_cannot_exhaust(name, authority):
    data = SODS[name](authority)
    evidence = Evidence(files={"EF.SOD": data}, access=UNKNOWN_ACCESS, read_at=NOW)
    tracemalloc.start()
    started = time.process_time()
    verdict = judge(evidence, TrustStore.of(csca=[authority.csca_der]), at=NOW)
    spent = time.process_time() - started
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert verdict.verdict == "rejected"
    assert isinstance(verdict.check("sod.signature").error, FormatError)
    assert spent < 4 * CPU_SECONDS  # tracing itself costs several times the work
    assert peak < PEAK_BYTES


def rsa_key(n, e):
    algorithm = der.sequence(der.oid("1.2.840.113549.1.1.1"), der.null())
    key = der.sequence(tlv.encode(0x02, n), tlv.encode(0x02, e))
    return der.sequence(algorithm, der.bits(key))


@pytest.mark.parametrize(
    ("n", "e"),
    [(b"\x7f" * 1000, b"\x7f" * 900), (b"\x7f" * 5000, b"\x03"), (b"\x7f" * 256, b"\x7f" * 256)],
)
def test_huge_keys_are_refused_before_any_arithmetic(n, e):
    with pytest.raises(FormatError):
        parse_public_key(rsa_key(n, e))


def test_a_revocation_list_of_100_megabytes():
    started = time.process_time()
    with pytest.raises(FormatError) as caught:
        parse_crl(bytes(100 << 20))
    assert caught.value.code == "crl.size"
    assert time.process_time() - started < CPU_SECONDS


def test_a_trust_file_that_is_too_long_is_never_read(tmp_path):
    (tmp_path / "crl").mkdir()
    with (tmp_path / "crl" / "big.crl").open("wb") as file:
        file.truncate(100 << 20)
    store = TrustStore.load(tmp_path)
    assert [problem.code for problem in store.problems] == ["trust.size"]


def test_a_hundred_verdicts_keep_no_memory(authority, card_image, at):
    import gc  # noqa: PLC0415

    files = {name: data for name, data in card_image.files.items() if name != "EF.DG3"}
    evidence = Evidence(files=files, access=UNKNOWN_ACCESS, read_at=at)
    trust = TrustStore.of(csca=[authority.csca_der])
    for _ in range(20):
        judge(evidence, trust, at=at)
    gc.collect()
    tracemalloc.start()
    before, _ = tracemalloc.get_traced_memory()
    for _ in range(100):
        judge(evidence, trust, at=at)
    gc.collect()
    after, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert after - before < 64 * 1024
