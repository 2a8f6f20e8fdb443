"""Verification beyond its bare cryptography: cold, warm, RSA-signed cards; store and memory.

"Bare" is what no verifier can leave out: the three signature checks (signer's certificate by the
anchor, list of hashes by the signer, the chip's answer) and the hashes, straight on
`cryptography`. The figure is (whole - bare checks that were run) / all bare checks, both in CPU
time and interleaved. Cold also runs the anchor's own signature and the revocation list's: those
two are taken off the whole and not added to the divisor. Warm: anchor, list and signer were met
before.
"""

from __future__ import annotations

import hashlib
import resource
import secrets
import tempfile
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec as pyca

from bench.report import Row
from eid import ec
from eid.chip.evidence import Access, ActiveAuthentication, Evidence
from eid.chip.lds.dg15 import parse_dg15
from eid.chip.lds.sod import parse_sod
from eid.chip.verify import BANK, judge
from eid.cli.cases import judge_case
from eid.testing import certificates
from eid.testing.authority import DocumentAuthority
from eid.testing.certificates import Issuer, Key, Validity
from eid.testing.people import PEOPLE
from eid.testing.personalise import personalise
from eid.testing.softcard_active import sign
from eid.trust import certificates as trust_certificates
from eid.trust.certificates import parse_certificate, public_key
from eid.trust.public_keys import EcKey, RsaKey
from eid.trust.store import TrustStore

AT = datetime(2026, 11, 21, tzinfo=UTC)
CHALLENGE = bytes(range(8))
FORGED = Path(__file__).parents[1] / "tests" / "vectors" / "forged_cards"
ACCESS = Access(
    protocol="PACE", mapping="GM", password="can", oid="0.4.0.127.0.7.2.2.4.2.2", parameter_id=13
)
Check = Callable[[], object]


def rows(quick: bool = False) -> Iterator[Row]:  # noqa: FBT001, FBT002 - the bench's interface
    rounds = 5 if quick else 25
    card = Card()
    yield from _beyond_bare(card, rounds)
    yield from _rsa_cards()
    yield _ten_thousand_anchors(1_000 if quick else 10_000)
    yield _growth(card, 200 if quick else 10_000)


class Card:
    """The demo's card, judged by its own authority, and its bare checks."""

    def __init__(self) -> None:
        self.authority = DocumentAuthority.create(at=AT)
        image = personalise(next(iter(PEOPLE.values())), self.authority, at=AT)
        response = sign(image.aa_private_key, CHALLENGE, rng=secrets.token_bytes)
        files = {name: data for name, data in image.files.items() if name != "EF.DG3"}
        self.evidence = Evidence(
            files=files,
            access=ACCESS,
            active_authentication=ActiveAuthentication(
                challenge=CHALLENGE, response=response, source="verifier"
            ),
            read_at=AT,
        )
        self.crl = self.authority.crl(at=AT)
        self.store = self.new_store()
        signed = parse_sod(files["EF.SOD"])
        signer = parse_certificate(signed.certificates[0])
        anchor = parse_certificate(self.authority.csca_der)
        signer_key, anchor_key = _pyca(public_key(signer)), _pyca(public_key(anchor))
        chip = parse_dg15(files["EF.DG15"])
        assert isinstance(chip, RsaKey)
        info = signed.signer_info
        signature = int.from_bytes(response, "big")

        def per_card() -> None:
            signer_key.verify(info.signature, info.signed_attributes, pyca.ECDSA(hashes.SHA256()))
            hashlib.sha256(signed.content).digest()
            for name, data in files.items():
                if name.startswith("EF.DG"):
                    hashlib.sha256(data).digest()
            pow(signature, chip.e, chip.n)

        def per_signer() -> None:
            anchor_key.verify(signer.signature, signer.tbs, pyca.ECDSA(hashes.SHA512()))

        def per_store() -> None:
            anchor_key.verify(anchor.signature, anchor.tbs, pyca.ECDSA(hashes.SHA512()))
            anchor_key.verify(crl.signature, crl.tbs, pyca.ECDSA(hashes.SHA512()))

        crl = self.store.crls[0]
        self.per_card, self.per_signer, self.per_store = per_card, per_signer, per_store

    def new_store(self) -> TrustStore:
        return TrustStore.of(csca=[self.authority.csca_der], crl=[self.crl])

    def judge(self) -> None:
        verdict = judge(self.evidence, self.store, policy=BANK, at=AT, challenge=CHALLENGE)
        assert verdict.verdict == "accepted"

    def forget(self) -> None:
        """As a new process is: no parsed certificate, no remembered signature."""
        for cache in (trust_certificates._parse, trust_certificates._public_key):
            cache.cache_clear()
        self.store = self.new_store()


def _pyca(key: object) -> pyca.EllipticCurvePublicKey:
    assert isinstance(key, EcKey)
    found = ec.to_cryptography(key.curve, key.point)
    assert found is not None
    return found


def _beyond_bare(card: Card, rounds: int) -> Iterator[Row]:
    per_card, per_signer, per_store, warm, cold = [], [], [], [], []
    card.judge()
    for _ in range(rounds):
        per_card.append(_cpu(card.per_card, 20))
        per_signer.append(_cpu(card.per_signer, 20))
        per_store.append(_cpu(card.per_store, 20))
        warm.append(_cpu(card.judge, 20))
        cold.append(_cpu(card.judge, 1, before=card.forget))
    bare = min(per_card) + min(per_signer)
    yield Row(
        what="verify: warm, beyond the bare checks",
        figure=(min(warm) - min(per_card)) / bare,
        bar=0.45,
        at_least=False,
        unit=" x",
        note=f"{min(warm) * 1e3:.2f} ms whole, {bare * 1e3:.2f} ms bare",
    )
    every = bare + min(per_store)
    yield Row(
        what="verify: cold, beyond the bare checks",
        figure=(min(cold) - every) / bare,
        bar=1.0,
        at_least=False,
        unit=" x",
        note=f"{min(cold) * 1e3:.2f} ms whole, of it {min(per_store) * 1e3:.2f} ms for the"
        " signatures of anchor and revocation list",
    )


def _rsa_cards() -> Iterator[Row]:
    for name in ("base-rsa-pkcs1-sha384", "base-pss-sha224"):
        judge_case(FORGED / name)
        spent = min(_cpu(lambda name=name: judge_case(FORGED / name), 1) for _ in range(9))
        yield Row(
            what=f"verify: {name}, store and files read anew",
            figure=spent * 1e3,
            bar=2.0,
            at_least=False,
            unit=" ms",
        )


def _ten_thousand_anchors(count: int) -> Row:
    key = Key(curve=ec.by_name("secp256r1"), scalar=4711)
    validity = Validity(not_before=AT, not_after=AT + timedelta(days=999), signs_until=AT)
    name = certificates.name("VN", "Bench", "CSCA 00000")
    template = certificates.certificate(
        Issuer(name=name, key=key, digest="sha256"),
        serial=5,
        subject=name,
        validity=validity,
        key=key,
        extensions=certificates.authority_extensions(key, key, validity),
    )
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder) / "csca"
        place.mkdir()
        for number in range(count):
            data = template.replace(b"CSCA 00000", f"CSCA {number:05d}".encode())
            (place / f"{number}.der").write_bytes(data)
        spent = _cpu(lambda: TrustStore.load(Path(folder)), 1)
    return Row(
        what=f"trust: {count} anchors load", figure=spent, bar=2.0, at_least=False, unit=" s"
    )


def _growth(card: Card, count: int) -> Row:
    for _ in range(200):
        card.judge()
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for _ in range(count):
        card.judge()
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
    return Row(
        what=f"verify: growth over {count} verifications",
        figure=grown,
        bar=1.0,
        at_least=False,
        unit=" MiB",
    )


def _cpu(work: Check, times: int, *, before: Check | None = None) -> float:
    """CPU seconds of one run, averaged over ``times``."""
    spent = 0.0
    for _ in range(times):
        if before is not None:
            before()
        started = time.process_time()
        work()
        spent += time.process_time() - started
    return spent / times
