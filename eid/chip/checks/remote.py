"""``remote``: what another verifier says about this very evidence (contracts §1)."""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from datetime import timedelta
from typing import Final

from eid.chip.checks.question import Question
from eid.chip.remote import RemoteReply, digests_of
from eid.chip.verdict import Check, absent, failed, passed, unknown
from eid.errors import NotGenuine

_NAME: Final = "remote"
_SKEW: Final = timedelta(seconds=60)


def check_remote(question: Question) -> Check:
    """A reply that is not bound to our question counts as none; a refusal speaks against the card."""
    asked = question.remote
    if asked is None:
        return absent(_NAME, "remote.not_asked", "No remote verifier was asked.")
    reply = asked.reply
    if reply is None:
        message = f"The remote verifier gave no usable answer ({asked.failure})."
        return unknown(_NAME, "remote.no_answer", message)
    if not hmac.compare_digest(reply.nonce, asked.query.nonce):
        return unknown(_NAME, "remote.other_nonce", "The answer is to another question.")
    if not _about_this(question, reply):
        return unknown(_NAME, "remote.other_card", "The answer is about other data.")
    age = question.at - reply.answered_at
    if not -_SKEW <= age <= timedelta(seconds=question.policy.remote_max_age_s):
        return unknown(_NAME, "remote.too_old", "The answer is not of this time.")
    return _word(reply)


def _word(reply: RemoteReply) -> Check:
    if reply.word == "refused":
        error = NotGenuine("The remote verifier refuses this card.", code="remote.refused")
        return failed(_NAME, error)
    if reply.word == "undecided":
        return unknown(_NAME, "remote.undecided", "The remote verifier could not decide.")
    return passed(_NAME, "remote.confirmed", f"{reply.by} confirms this very data.")


def _about_this(question: Question, reply: RemoteReply) -> bool:
    """The digests are of the files being judged here: all of them, and nothing else."""
    sod, data_groups = digests_of(question.files)
    return (
        bool(sod)
        and hmac.compare_digest(reply.sod_digest, sod)
        and _same(reply.data_groups, data_groups)
    )


def _same(one: Mapping[str, bytes], other: Mapping[str, bytes]) -> bool:
    return one.keys() == other.keys() and all(
        hmac.compare_digest(one[name], other[name]) for name in other
    )
