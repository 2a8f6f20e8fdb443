"""Officers: what each role may do, and the values that say that an officer is here.

>>> sorted(permissions(frozenset({"supervisor"})) - permissions(frozenset({"officer"})))
['decide', 'unlock']
>>> sorted(permissions(frozenset({"reception"})))
['look', 'print_log']
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Literal

from eid.admin.ports import People, Register
from eid.errors import AccountError
from eid.levels.account import Account

Permission = Literal[
    "look",
    "print_log",
    "enrol",
    "second",
    "open_case",
    "decide",
    "lock",
    "unlock",
    "recover",
]
ROLES: Mapping[str, frozenset[Permission]] = MappingProxyType(
    {
        "reception": frozenset({"look", "print_log"}),
        "officer": frozenset(
            {"look", "print_log", "enrol", "second", "open_case", "lock", "recover"}
        ),
        "supervisor": frozenset(
            {"look", "print_log", "second", "open_case", "decide", "lock", "unlock", "recover"}
        ),
    }
)
"""Nobody both raises accounts and decides the cases about them, unless given both roles."""
SESSION_LIFETIME = timedelta(hours=8)
_SEAL = object()


@dataclass(frozen=True, slots=True, kw_only=True)
class Officer:
    """An officer who has logged in; only this module makes one."""

    account_id: str
    until: datetime
    _seal: object = field(repr=False, compare=False)

    def __post_init__(self) -> None:
        if self._seal is not _SEAL:
            raise TypeError("an Officer comes from officer_login only")


def permissions(roles: frozenset[str]) -> frozenset[Permission]:
    """What these roles allow together; roles that are not of the counter allow nothing."""
    return frozenset[Permission]().union(*(ROLES.get(role, frozenset()) for role in roles))


def officer_login(
    register: Register, username: str, password: str, *, address: str, at: datetime
) -> Officer:
    """Check an officer's password and role; AccountError otherwise, ``login.not_an_officer``.

    For programs at the officer's own desk. The counter's pages ask for a passkey too.
    """
    account = register.check_password(username, password, address=address, at=at)
    return officer_of(account, until=at + SESSION_LIFETIME)


def officer_of(account: Account, *, until: datetime) -> Officer:
    """The officer that an account is, after its factors were checked."""
    if not _serves(account):
        raise AccountError("This account is not an officer's.", code="login.not_an_officer")
    return Officer(account_id=account.id, until=until, _seal=_SEAL)


def check_standing(
    register: People, officer: Officer, permission: Permission, *, at: datetime
) -> Account:
    """The officer's account as it is now; a role that was taken away counts at once.

    AccountError ``login.expired`` when the session is over, ``counter.not_allowed`` when no role
    of the officer allows this.
    """
    account = register.by_id(officer.account_id)
    if at >= officer.until or account is None or not _serves(account):
        raise AccountError("The officer's session is over.", code="login.expired")
    if permission not in permissions(account.roles):
        raise AccountError("No role of this officer allows that.", code="counter.not_allowed")
    return account


def check_second(register: People, account_id: str, first: Officer) -> None:
    """AccountError ``counter.four_eyes`` unless this is another officer who may still agree."""
    account = register.by_id(account_id)
    stands = account is not None and _serves(account) and "second" in permissions(account.roles)
    if account_id == first.account_id or not stands:
        raise AccountError("A second officer must agree.", code="counter.four_eyes")


def _serves(account: Account) -> bool:
    return bool(permissions(account.roles)) and account.state in {"registered", "active"}
