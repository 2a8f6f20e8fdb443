"""What the pages ask of enrolled factors; :mod:`eid.store` implements it.

Every check is throttled per account and factor and per address before anything is compared, is
good for one use, and leaves its row of the record in its own transaction.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Protocol

from eid.keys import JSON
from eid.levels.account import Account
from eid.levels.assurance import Factor
from eid.levels.factors.code import Channel, Sender
from eid.levels.factors.enrolled import Enrolled
from eid.levels.factors.passkey import PasskeyParty


class Factors(Protocol):
    """What people enrolled beside their password."""

    def enrolled(self, account_id: str) -> Sequence[Enrolled]:
        """The factors that were neither removed nor suspended, oldest first."""

    def suspended(self, account_id: str) -> Sequence[Enrolled]:
        """The factors that a recovery suspended, oldest first: shown once more they count again.

        ``suspended`` of the methods below asks for these instead of those that count.
        """

    def remove(
        self, account_id: str, factor_id: str, *, by: str, lost: bool, at: datetime
    ) -> None:
        """Remove one, on record; AccountError ``factor.unknown``."""

    def enrol_pin(self, account: Account, pin: str, *, at: datetime) -> str:
        """The PIN's id, an older one removed; FormatError ``pin.form``, ``pin.guessed``."""

    def check_pin(self, account_id: str, pin: str, *, address: str, at: datetime) -> Factor:
        """The factor of the right PIN; AccountError ``factor.refused``, ``login.throttled``."""

    def enrol_totp(self, account_id: str, *, at: datetime) -> tuple[str, str]:
        """The factor's id and its secret; it counts after its first right code."""

    def check_totp(
        self,
        account_id: str,
        code: str,
        *,
        address: str,
        at: datetime,
        suspended: bool = False,
    ) -> Factor:
        """The factor of a right code; AccountError ``factor.refused``, ``login.throttled``."""

    def enrol_channel(self, account_id: str, channel: Channel, *, at: datetime) -> str:
        """A channel's id; it counts after its first right code."""

    def channel_kind(
        self, account_id: str, factor_id: str, *, suspended: bool = False
    ) -> str | None:
        """``sms``, ``email`` or ``letter``; None if there is no such channel."""

    def send_code(
        self,
        account_id: str,
        factor_id: str,
        sender: Sender,
        *,
        service: str,
        at: datetime,
        suspended: bool = False,
    ) -> None:
        """Send a new code there; silent when there is no such channel."""

    def check_code(
        self,
        account_id: str,
        code: str,
        *,
        address: str,
        at: datetime,
        suspended: bool = False,
    ) -> Factor:
        """The factor of a right code; AccountError as for TOTP."""

    def begin_passkey(  # noqa: PLR0913 - each is a fact of its own
        self,
        account_id: str,
        party: PasskeyParty,
        *,
        username: str,
        enrol: bool,
        at: datetime,
        bound_to: str,
        suspended: bool = False,
    ) -> tuple[str, dict[str, JSON]]:
        """A handle and the browser's options, to enrol a passkey or to use one."""

    def begin_unnamed_passkey(
        self, party: PasskeyParty, *, at: datetime, bound_to: str
    ) -> tuple[str, dict[str, JSON]]:
        """The same for somebody who is not known yet."""

    def enrol_passkey(
        self,
        handle: str,
        party: PasskeyParty,
        response: Mapping[str, JSON],
        *,
        at: datetime,
        bound_to: str,
    ) -> str:
        """The id of the new factor; RequestRefused ``passkey``."""

    def check_passkey(
        self,
        handle: str,
        party: PasskeyParty,
        response: Mapping[str, JSON],
        *,
        at: datetime,
        bound_to: str,
        suspended: bool = False,
    ) -> tuple[str, Factor]:
        """Whose it is, and its factor; RequestRefused ``passkey``."""
