"""Chip keys, PACE confirmation and Active Authentication where the forged cards stop."""

from __future__ import annotations

from types import MappingProxyType

import pytest

from eid import ec, tlv
from eid.chip.checks.authenticity import check_active, check_chip_authentication, check_pace
from eid.chip.checks.question import Covered, Question
from eid.chip.evidence import UNKNOWN_ACCESS, ActiveAuthentication, Evidence
from eid.chip.policy import IDENTIFY
from eid.testing import der
from eid.testing.certificates import public_key_info
from eid.trust.store import TrustStore

PACE = der.sequence(der.oid("0.4.0.127.0.7.2.2.4.2.2"), der.integer(2), der.integer(13))
CURVE = ec.by_name("brainpoolP256r1")
EC_KEY = public_key_info(CURVE, ec.encode_point(CURVE, CURVE.generator), explicit=True)


def key(oid, spki=EC_KEY):
    return der.sequence(der.oid(oid), spki)


def info(oid, version=1):
    return der.sequence(der.oid(oid), der.integer(version))


ECDH = "0.4.0.127.0.7.2.2.1.2"
AES128 = "0.4.0.127.0.7.2.2.3.2.2"


def asked(at, files, proof=None):
    evidence = Evidence(
        files=files, access=UNKNOWN_ACCESS, active_authentication=proof, read_at=at
    )
    return Question(
        evidence=evidence, files=files, trust=TrustStore.of(), policy=IDENTIFY, at=at,
        challenge=None, expect_number=None,
    )  # fmt: skip


def chip(at, *infos):
    dg14 = tlv.encode(0x6E, tlv.encode(0x31, *infos))
    files = {"EF.DG14": dg14}
    return check_chip_authentication(asked(at, files), Covered(files=MappingProxyType(files)))


@pytest.mark.parametrize(
    ("infos", "status", "code"),
    [
        ((key(ECDH), info(AES128)), "absent", "chip_auth.not_performed"),
        ((key(ECDH),), "absent", "chip_auth.not_performed"),
        ((PACE,), "absent", "chip_auth.unavailable"),
        ((info(AES128),), "failed", "chip_auth.protocol"),
        ((key(ECDH), info(AES128, 2)), "failed", "chip_auth.version"),
        ((key(ECDH), info("0.4.0.127.0.7.2.2.3.2.9")), "failed", "chip_auth.protocol"),
        ((key(ECDH), info("0.4.0.127.0.7.2.2.3.1.2")), "failed", "chip_auth.protocol"),
        ((key(ECDH), info("0.4.0.127.0.7.2.2.3.2")), "failed", "chip_auth.protocol"),
        ((key("0.4.0.127.0.7.2.2.1.1"),), "failed", "chip_auth.key"),
        ((key("0.4.0.127.0.7.2.2.1.3"),), "failed", "chip_auth.protocol"),
        ((key(ECDH, der.sequence()),), "failed", "chip_auth.key"),
        ((key(ECDH, der.null()),), "failed", "security_infos.key"),
    ],
)
def test_keys_on_offer(at, infos, status, code):
    found = chip(at, *infos)
    assert (found.status, found.code) == (status, code)


def test_files_that_are_not_covered_are_not_looked_at(at):
    files = {"EF.DG14": b"garbage", "EF.DG15": b"garbage"}
    nothing = Covered(files=MappingProxyType({}))
    proof = ActiveAuthentication(challenge=bytes(8), response=b"x", source="verifier")
    question = asked(at, files, proof)
    assert check_chip_authentication(question, nothing).code == "not_checked"
    assert check_active(question, nothing).code == "not_checked"
    assert check_pace(question, nothing).code == "pace.unconfirmed"


@pytest.mark.parametrize(
    ("offered", "signed", "status", "code"),
    [
        ((PACE,), (PACE,), "passed", "pace.confirmed"),
        ((PACE, info("1.2.3")), (PACE, info(AES128)), "passed", "pace.confirmed"),
        ((PACE,), (info(AES128),), "unknown", "pace.unconfirmed"),
        ((info(AES128),), (PACE,), "failed", "pace.downgrade"),
        (None, (PACE,), "failed", "pace.downgrade"),
    ],
)
def test_pace(at, offered, signed, status, code):
    dg14 = tlv.encode(0x6E, tlv.encode(0x31, *signed))
    files = {"EF.DG14": dg14}
    if offered is not None:
        files["EF.CardAccess"] = tlv.encode(0x31, *offered)
    covered = Covered(files=MappingProxyType({"EF.DG14": dg14}))
    found = check_pace(asked(at, files), covered)
    assert (found.status, found.code) == (status, code)
