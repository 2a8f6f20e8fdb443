"""`eid verify --cases DIR`: judge every reading of a folder of test cases.

A case is a folder with ``case.json``: chip files, anchors, CRLs, clock, policy and the chip's
answer, in the published format of the forged cards. Its challenge counts as the verifier's own.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from eid.errors import EidError, FormatError

if TYPE_CHECKING:
    from eid.chip.evidence import ActiveAuthentication
    from eid.chip.policy import Policy
    from eid.chip.verdict import Verdict

Json = Mapping[str, object]
_MAX_CASE = 1 << 20
_MAX_FILE = 4 << 20
_KINDS = ("csca", "link", "ds", "crl")


def judge_cases(folder: Path) -> Iterator[dict[str, object]]:
    """One line per case in order of name; one that cannot be judged has an ``error`` code."""
    cases = sorted(path.parent for path in folder.glob("*/case.json"))
    if not cases:
        raise FormatError(f"There are no cases in {folder}.", code="input.cases")
    for case in cases:
        try:
            yield judge_case(case)
        except EidError as error:
            yield {"id": case.name, "error": error.code}


def judge_case(folder: Path) -> dict[str, object]:
    """Judge one case folder. Raises ``FormatError`` if it is not in the format."""
    from eid.chip.checks.reasons import reason_class

    started = time.perf_counter()
    try:
        case = _load(folder / "case.json", _MAX_CASE)
        verdict, policy = _judge(folder, case)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise FormatError("The case is not in the format.", code="input.case") from error
    reasons = dict.fromkeys(reason_class(code) for code in verdict.reasons)
    return {
        "id": str(case.get("id", folder.name)),
        "verdict": "accept" if verdict.verdict == "accepted" else "reject",
        "passive_authentication": passive_authentication(verdict, policy),
        "reasons": list(reasons),
        "seconds": round(time.perf_counter() - started, 4),
    }


def passive_authentication(verdict: Verdict, policy: Policy) -> str:
    """``accept`` or ``reject`` for the signed data alone; revocation counts as the policy says."""
    from eid.chip.verdict import PASSIVE

    for check in verdict.checks:
        optional = check.name == "sod.revocation" and check.name not in policy.required
        lenient = optional and check.status == "unknown"
        if check.name in PASSIVE and check.status != "passed" and not lenient:
            return "reject"
    return "accept"


def policy_of(asked: Json) -> Policy:
    """The policy that a case asks for: a portrait and every listed data group, always."""
    from eid.chip.policy import IDENTIFY, Policy

    required = set(IDENTIFY.required) | {"portrait"}
    if asked.get("require_crl"):
        required.add("sod.revocation")
    if asked.get("require_aa"):
        required |= {"aa.signature", "aa.freshness"}
    state = asked.get("issuing_state")
    return Policy(
        name="case",
        required=frozenset(required),
        require_complete=True,
        require_chip_keys=bool(asked.get("require_ca")),
        issuing_state=state if isinstance(state, str) else None,
        insecure_allow_sha1=bool(asked.get("allow_sha1")),
    )


def _judge(folder: Path, case: Json) -> tuple[Verdict, Policy]:
    from eid.chip.evidence import UNKNOWN_ACCESS, Evidence
    from eid.chip.verify import judge
    from eid.trust.store import TrustStore

    at = datetime.strptime(_text(case["clock"]), "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)
    proof = _proof(case.get("active_authentication"))
    trust = _object(case["trust"])
    policy = policy_of(_object(case["policy"]))
    evidence = Evidence(
        files={name: _read(folder, path) for name, path in _object(case["files"]).items()},
        access=UNKNOWN_ACCESS,
        active_authentication=proof,
        read_at=at,
    )
    found = {kind: [_read(folder, path) for path in _list(trust.get(kind, []))] for kind in _KINDS}
    store = TrustStore.of(csca=found["csca"], link=found["link"], ds=found["ds"], crl=found["crl"])
    challenge = None if proof is None else proof.challenge
    return judge(evidence, store, policy=policy, at=at, challenge=challenge), policy


def _proof(value: object) -> ActiveAuthentication | None:
    from eid.chip.evidence import ActiveAuthentication

    if value is None:
        return None
    proof = _object(value)
    return ActiveAuthentication(
        challenge=bytes.fromhex(_text(proof["challenge"])),
        response=bytes.fromhex(_text(proof["response"])),
        source="verifier",
    )


def _load(path: Path, most: int) -> Json:
    with path.open("rb") as file:
        data = file.read(most + 1)
    if len(data) > most:
        raise FormatError("The case is too long.", code="input.case")
    try:
        return _object(json.loads(data))
    except RecursionError as error:
        raise FormatError("The case is nested too deeply.", code="input.case") from error


def _read(folder: Path, name: object) -> bytes:
    """A file of the case; a name that leads out of its folder is refused."""
    text = _text(name)
    if "/" in text or "\\" in text or text in (".", ".."):
        raise FormatError("A case may only name its own files.", code="input.case")
    path = folder / text
    try:
        with path.open("rb") as file:
            data = file.read(_MAX_FILE + 1)
    except OSError as error:
        raise FormatError("A file of the case is missing.", code="input.case") from error
    if len(data) > _MAX_FILE:
        raise FormatError("A file of the case is too long.", code="input.case")
    return data


def _object(value: object) -> Json:
    if not isinstance(value, dict):
        raise TypeError("an object was expected")
    return value


def _list(value: object) -> list[object]:
    if not isinstance(value, list):
        raise TypeError("a list was expected")
    return value


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError("a text was expected")
    return value
