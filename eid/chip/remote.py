"""The word of another verifier: a state's gateway that knows what we cannot (contracts §1).

Its answer stands beside ours and never replaces it; only where no anchor is known may a policy let
it stand in (``Policy.remote_anchors``). It counts only if it is authentic, about this very security
object and these very data groups, over our own nonce, and fresh; that there was no answer is a
state of its own. Which gateway, and how to talk to it, is the caller's.

>>> from eid.chip.evidence import UNKNOWN_ACCESS, Evidence
>>> from datetime import UTC, datetime
>>> now = datetime(2026, 11, 21, tzinfo=UTC)
>>> evidence = Evidence(files={"EF.SOD": b"w"}, access=UNKNOWN_ACCESS, read_at=now)
>>> RemoteQuery.about(evidence, at=now, rng=bytes).nonce.hex()
'00000000000000000000000000000000'
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from types import MappingProxyType
from typing import Final, Literal, Protocol

from eid.chip.evidence import Evidence
from eid.chip.lds.files import FILES
from eid.chip.lds.template import trimmed
from eid.errors import EidError

Word = Literal["genuine", "refused", "undecided"]
NONCE: Final = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class RemoteQuery:
    """What is asked: SHA-256 digests of EF.SOD and of each data group, under our nonce."""

    nonce: bytes = field(repr=False)
    sod_digest: bytes = field(repr=False)
    data_groups: Mapping[str, bytes] = field(repr=False)
    asked_at: datetime

    @staticmethod
    def about(
        evidence: Evidence, *, at: datetime, rng: Callable[[int], bytes] = secrets.token_bytes
    ) -> RemoteQuery:
        """A new question about this evidence."""
        sod, data_groups = digests_of(
            {name: trimmed(data) for name, data in evidence.files.items()}
        )
        return RemoteQuery(nonce=rng(NONCE), sod_digest=sod, data_groups=data_groups, asked_at=at)


@dataclass(frozen=True, slots=True, kw_only=True)
class RemoteReply:
    """An authenticated answer, as the remote verifier gave it; ``by`` is who that is.

    Adapters make one only after they have checked who signed it.
    """

    by: str
    word: Word
    nonce: bytes = field(repr=False)
    sod_digest: bytes = field(repr=False)
    data_groups: Mapping[str, bytes] = field(repr=False)
    answered_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class RemoteResult:
    """What came of a question: the reply, or the code of why there is none."""

    query: RemoteQuery
    reply: RemoteReply | None
    failure: str = ""


class RemoteVerifier(Protocol):
    """Another verifier. ``ask`` raises ``Unavailable``, or any error of a reply out of form."""

    def ask(self, query: RemoteQuery, evidence: Evidence) -> RemoteReply:
        """Put the question; the evidence's files may be sent along where the gateway needs them."""


def consult(
    verifier: RemoteVerifier,
    evidence: Evidence,
    *,
    at: datetime,
    rng: Callable[[int], bytes] = secrets.token_bytes,
) -> RemoteResult:
    """Ask, and keep what came of it; no answer is a result, not an error."""
    query = RemoteQuery.about(evidence, at=at, rng=rng)
    try:
        reply = verifier.ask(query, evidence)
    except EidError as error:
        return RemoteResult(query=query, reply=None, failure=error.code)
    return RemoteResult(query=query, reply=reply)


def digests_of(files: Mapping[str, bytes]) -> tuple[bytes, Mapping[str, bytes]]:
    """SHA-256 of EF.SOD (empty if absent) and of each data group, of files already trimmed."""
    sod = files.get("EF.SOD")
    data_groups = {
        name: hashlib.sha256(data).digest()
        for name, data in files.items()
        if FILES[name].dg is not None
    }
    digest = b"" if sod is None else hashlib.sha256(sod).digest()
    return digest, MappingProxyType(data_groups)
