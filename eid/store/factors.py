"""Enrolled factors: sealed under the person's key, throttled, each answer good for one use.

Failures are counted per account and factor, and per address, before anything is compared: over
nodes and restarts (rows O-053, L-012). An account without the factor answers as a wrong code does.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache

from sqlalchemy import ColumnElement, Connection, Row, and_, insert, select, update

from eid.errors import AccountError, RequestRefused
from eid.keys import (
    JSON,
    Envelope,
    canonical_json,
    decode_base64url,
    encode_base64url,
    parse_json_object,
)
from eid.levels.account import Account
from eid.levels.assurance import Factor
from eid.levels.factors.code import Channel, Sender, message, new_code
from eid.levels.factors.enrolled import AT_ONCE, Enrolled as Enrolled
from eid.levels.factors.otp import match_totp, new_totp_secret
from eid.levels.factors.passkey import Passkey, PasskeyParty, credential_id, user_of
from eid.levels.factors.password import hash_digits
from eid.levels.factors.pin import MAX_DIGITS, check_pin, hash_pin
from eid.oidc.ports import AuditEvent, Grant
from eid.store import throttle
from eid.store.audit import Audit
from eid.store.database import Database
from eid.store.grants import Grants
from eid.store.notices import enter
from eid.store.schema import accounts, factors, person_keys
from eid.store.sealed import AccountSeal

MAX_FACTORS = 16
CEREMONY_S = 300


@dataclass(frozen=True, slots=True)
class _Kept:
    """A stored factor, opened."""

    row: Row[*tuple[object, ...]]
    secret: Mapping[str, JSON] = field(repr=False)


class Factors:
    """What people enrolled beside their password."""

    def __init__(
        self,
        database: Database,
        audit: Audit,
        grants: Grants,
        seal: AccountSeal,
        *,
        rng: Callable[[int], bytes] = secrets.token_bytes,
    ) -> None:
        self._database = database
        self._audit = audit
        self._grants = grants
        self._seal = seal
        self._rng = rng

    def enrolled(self, account_id: str) -> tuple[Enrolled, ...]:
        """The factors that count, oldest first."""
        return self._listed(account_id, suspended=False)

    def suspended(self, account_id: str) -> tuple[Enrolled, ...]:
        """The factors that prove nothing until they are shown once more, oldest first."""
        return self._listed(account_id, suspended=True)

    def _listed(self, account_id: str, *, suspended: bool) -> tuple[Enrolled, ...]:
        these = and_(factors.c.account == account_id, _live(suspended=suspended))
        query = select(factors).where(these).order_by(factors.c.created_at, factors.c.id)
        with self._database.read() as connection:
            rows = connection.execute(query).all()
        channels = any(row.method == "code" for row in rows)
        labels = self._labels(account_id, suspended=suspended) if channels else {}
        return tuple(_enrolled(row, labels.get(row.id, "")) for row in rows)

    def _labels(self, account_id: str, *, suspended: bool) -> Mapping[str, str]:
        channels = self._kept(account_id, "code", suspended=suspended)
        return {one.row.id: _channel(one.secret).masked for one in channels}

    def remove(
        self, account_id: str, factor_id: str, *, by: str, lost: bool, at: datetime
    ) -> None:
        """Remove a factor and destroy its secret; ``factor.lost`` or ``factor.removed`` on record.

        The account's level stays: it says how the person was proofed. But the account counts as
        changed: refresh tokens of before are worth nothing (row O-036). AccountError
        ``factor.unknown``.
        """
        with self._database.write() as connection:
            removed = _take_out(connection, account_id, factors.c.id == factor_id, at)
            if not removed:
                raise AccountError("There is no such factor.", code="factor.unknown")
            kind = "factor.lost" if lost else "factor.removed"
            self._audit.append(connection, [_event(kind, account_id, at, factor_id, by=by)])

    # -- PINs --------------------------------------------------------------------------------

    def enrol_pin(self, account: Account, pin: str, *, at: datetime) -> str:
        """The id of the new PIN, which takes the place of an older one and counts at once.

        FormatError ``pin.form`` or ``pin.guessed``, also for a part of the person's own numbers.
        """
        profile = account.profile
        known = (
            () if profile is None
            else (profile.personal_number, profile.birth_date, profile.document_number)
        )  # fmt: skip
        secret: dict[str, JSON] = {"hash": hash_pin(pin, known=known)}
        return self._enrol(account.id, "pin", secret, 0, at, alone=True)

    def check_pin(self, account_id: str, pin: str, *, address: str, at: datetime) -> Factor:
        """The factor of a right PIN; AccountError ``factor.refused``, ``login.throttled``.

        The same work whether a PIN is enrolled or not.
        """
        scopes = self._reserve("pin", account_id, address, at)
        kept = next(iter(self._kept(account_id, "pin")), None)
        stored = _nobody() if kept is None else str(kept.secret["hash"])
        right = check_pin(stored, pin[: MAX_DIGITS + 1])
        if kept is not None and right and self._use(kept, None, at, scopes):
            return Factor.of("pin", at)
        raise self._refuse("pin", account_id, at)

    # -- time-based codes --------------------------------------------------------------------

    def enrol_totp(self, account_id: str, *, at: datetime) -> tuple[str, str]:
        """The factor's id and the secret for the app; it counts after its first right code."""
        secret = new_totp_secret(self._rng)
        return self._enrol(account_id, "totp", {"secret": secret}, 0, at), secret

    def check_totp(
        self,
        account_id: str,
        code: str,
        *,
        address: str,
        at: datetime,
        suspended: bool = False,
    ) -> Factor:
        """The factor of a right code, once; AccountError ``factor.refused``, ``login.throttled``.

        ``suspended`` asks the suspended ones instead: the one whose code it is counts again.
        """
        scopes = self._reserve("totp", account_id, address, at)
        for kept in self._kept(account_id, "totp", suspended=suspended):
            step = match_totp(str(kept.secret["secret"]), code, at)
            if step is not None and self._use(kept, step, at, scopes, above=step - 1):
                return Factor.of("totp", at)
        raise self._refuse("totp", account_id, at)

    # -- codes to a channel ------------------------------------------------------------------

    def enrol_channel(self, account_id: str, channel: Channel, *, at: datetime) -> str:
        """A channel to send codes to; its first right code confirms it."""
        secret: dict[str, JSON] = {"kind": channel.kind, "address": channel.address}
        return self._enrol(account_id, "code", secret, 0, at)

    def channel_kind(
        self, account_id: str, factor_id: str, *, suspended: bool = False
    ) -> str | None:
        """Of which kind a channel is; None if there is no such channel."""
        kept = self._kept(account_id, "code", suspended=suspended)
        return next((str(one.secret["kind"]) for one in kept if one.row.id == factor_id), None)

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
        """Send a new code; an older one is void. Silent when there is no such channel.

        AccountError ``login.throttled`` when too many were asked for.
        """
        with self._database.write() as connection:
            scope = self._seal.scope("code-sent", account_id)
            throttle.reserve(connection, scope, throttle.PER_ACCOUNT, int(at.timestamp()))
        for kept in self._kept(account_id, "code", suspended=suspended):
            if kept.row.id != factor_id:
                continue
            code = new_code(self._rng)
            channel = _channel(kept.secret)
            expires = int((at + channel.lifetime).timestamp())
            fresh = {**kept.secret, "code": _digest(code), "expires": expires}
            if self._replace(kept, fresh):
                text = message(code, service, lifetime=channel.lifetime)
                sender(channel, text, at=at)

    def check_code(
        self,
        account_id: str,
        code: str,
        *,
        address: str,
        at: datetime,
        suspended: bool = False,
    ) -> Factor:
        """The factor of a right code, once; AccountError and ``suspended`` as for TOTP."""
        scopes = self._reserve("code", account_id, address, at)
        for kept in self._kept(account_id, "code", suspended=suspended):
            stored, expires = kept.secret.get("code"), kept.secret.get("expires")
            right = isinstance(stored, str) and hmac.compare_digest(stored, _digest(code))
            if not right or not isinstance(expires, int) or expires <= at.timestamp():
                continue
            used = {name: kept.secret[name] for name in ("kind", "address")}
            if self._replace(kept, used) and self._use(kept, None, at, scopes):
                self._forget_sent(account_id)
                return Factor.of("code", at)
        raise self._refuse("code", account_id, at)

    # -- passkeys ----------------------------------------------------------------------------

    def begin_passkey(  # noqa: PLR0913 - each is a fact of its own
        self,
        account_id: str,
        party: PasskeyParty,
        *,
        username: str,
        enrol: bool,
        at: datetime,
        bound_to: str = "",
        suspended: bool = False,
    ) -> tuple[str, dict[str, JSON]]:
        """A handle to keep and the browser's options, to enrol a passkey or to log in with one.

        The internal id, which is random, is the user handle that authenticators keep. What the
        ceremony is ``bound_to`` has to be named again at its end. ``suspended`` as for TOTP.
        """
        known = [one for _, one in self._passkeys(account_id, suspended=suspended)]
        if enrol:
            options, state = party.begin_enrolment(
                user_id=account_id.encode(), username=username, known=known
            )
        else:
            options, state = party.begin_login(known)
        return self._begin(account_id, state, enrol, bound_to, at), options

    def begin_unnamed_passkey(
        self, party: PasskeyParty, *, at: datetime, bound_to: str = ""
    ) -> tuple[str, dict[str, JSON]]:
        """The same for somebody who is not known yet: any passkey that the device keeps for us."""
        options, state = party.begin_login(())
        return self._begin(None, state, False, bound_to, at), options  # noqa: FBT003

    def enrol_passkey(
        self,
        handle: str,
        party: PasskeyParty,
        response: Mapping[str, JSON],
        *,
        at: datetime,
        bound_to: str = "",
    ) -> str:
        """The id of the new factor; RequestRefused ``passkey``, once per handle."""
        account_id, state = self._ceremony(handle, bound_to, enrol=True, at=at)
        if account_id is None:
            raise _no_passkey()
        passkey = party.complete_enrolment(state, response)
        secret: dict[str, JSON] = {"data": encode_base64url(passkey.data)}
        return self._enrol(account_id, "passkey", secret, passkey.sign_count, at)

    def check_passkey(
        self,
        handle: str,
        party: PasskeyParty,
        response: Mapping[str, JSON],
        *,
        at: datetime,
        bound_to: str = "",
        suspended: bool = False,
    ) -> tuple[str, Factor]:
        """Whose passkey answered, and its factor; RequestRefused ``passkey…``, once per handle."""
        named, state = self._ceremony(handle, bound_to, enrol=False, at=at)
        account_id = named or user_of(response).decode("ascii", "replace")
        known = self._passkeys(account_id, suspended=suspended)
        if not known:
            raise _no_passkey()
        try:
            used = party.complete_login(state, [one for _, one in known], response)
        except RequestRefused as error:
            refused = _event("factor.refused", account_id, at, method="passkey", code=error.code)
            self._audit.record([refused])
            raise
        (kept,) = (row for row, one in known if credential_id(one) == used.credential_id)
        if not self._use(kept, used.sign_count, at, (), above=kept.row.counter):
            raise _no_passkey()
        return account_id, Factor.of("passkey", at, user_verified=used.user_verified)

    # -- what they share ---------------------------------------------------------------------

    def _enrol(
        self,
        account_id: str,
        method: str,
        secret: Mapping[str, JSON],
        counter: int,
        at: datetime,
        *,
        alone: bool = False,
    ) -> str:
        """Store a factor; ``alone`` takes the place of what was enrolled of its method."""
        if len(self.enrolled(account_id)) + len(self.suspended(account_id)) >= MAX_FACTORS:
            raise AccountError("Too many factors are enrolled.", code="factor.too_many")
        factor_id = encode_base64url(self._rng(12))
        key = self._key(account_id)  # with no connection held: all threads would wait for a second
        row = {
            "id": factor_id,
            "account": account_id,
            "method": method,
            "secret": key.seal(canonical_json(secret), context=_context(factor_id)),
            "counter": counter,
            "created_at": int(at.timestamp()),
        }
        with self._database.write() as connection:
            older = factors.c.method == method
            removed = _take_out(connection, account_id, older, at) if alone else ()
            if method in AT_ONCE:
                enter(connection, account_id, "factor_added", at=at)
            connection.execute(insert(factors), row)
            events = [_event("factor.enrolled", account_id, at, factor_id, method=method)]
            events += [
                _event("factor.removed", account_id, at, id_, by=account_id) for id_ in removed
            ]
            self._audit.append(connection, events)
        return factor_id

    def _kept(self, account_id: str, method: str, *, suspended: bool = False) -> tuple[_Kept, ...]:
        this = and_(
            factors.c.account == account_id,
            factors.c.method == method,
            _live(suspended=suspended),
        )
        with self._database.read() as connection:
            rows = connection.execute(select(factors).where(this)).all()
        if not rows:
            return ()
        key = self._key(account_id)
        return tuple(
            _Kept(row, parse_json_object(key.open(row.secret, context=_context(row.id))))
            for row in rows
        )

    def _passkeys(
        self, account_id: str, *, suspended: bool = False
    ) -> Sequence[tuple[_Kept, Passkey]]:
        return [
            (kept, Passkey(data=decode_base64url(str(kept.secret["data"])), sign_count=count))
            for kept in self._kept(account_id, "passkey", suspended=suspended)
            for count in (int(kept.row.counter),)
        ]

    def _begin(
        self,
        account_id: str | None,
        state: Mapping[str, JSON],
        enrol: bool,  # noqa: FBT001
        bound_to: str,
        at: datetime,
    ) -> str:
        handle = encode_base64url(self._rng(32))
        expires = datetime.fromtimestamp(int(at.timestamp()) + CEREMONY_S, UTC)
        payload: dict[str, JSON] = {
            "state": dict(state),
            "account": account_id,
            "enrol": enrol,
            "bound_to": bound_to,
        }
        self._grants.put(
            Grant(kind="passkey", key=_key(handle), payload=payload, expires_at=expires)
        )
        return handle

    def _ceremony(
        self, handle: str, bound_to: str, *, enrol: bool, at: datetime
    ) -> tuple[str | None, Mapping[str, JSON]]:
        grant = self._grants.consume("passkey", _key(handle), at=at)
        if grant is None:
            raise _no_passkey()
        state, account_id = grant.payload.get("state"), grant.payload.get("account")
        same = grant.payload.get("bound_to") == bound_to and grant.payload.get("enrol") is enrol
        if not same or not isinstance(state, dict):
            raise _no_passkey()
        return None if account_id is None else str(account_id), state

    def _key(self, account_id: str) -> Envelope:
        query = select(person_keys.c.sealed).where(person_keys.c.account == account_id)
        with self._database.read() as connection:
            sealed = connection.execute(query).scalar_one_or_none()
        if sealed is None:
            raise AccountError("There is no such account.", code="account.unknown")
        return Envelope(self._seal.data_key(account_id, sealed))

    def _reserve(
        self, method: str, account_id: str, address: str, at: datetime
    ) -> tuple[bytes, bytes]:
        scopes = (
            self._seal.scope(f"factor-{method}", account_id),
            self._seal.scope("address", address),
        )
        with self._database.write() as connection:
            throttle.reserve(connection, scopes[1], throttle.PER_ADDRESS, int(at.timestamp()))
            throttle.reserve(connection, scopes[0], throttle.PER_ACCOUNT, int(at.timestamp()))
        return scopes

    def _use(
        self,
        kept: _Kept,
        counter: int | None,
        at: datetime,
        scopes: Sequence[bytes],
        *,
        above: int | None = None,
    ) -> bool:
        """Mark one use; False when somebody else was first (the counter stands higher already).

        A factor that was suspended since it was read is not used; one that was before counts again.
        """
        was_suspended = kept.row.suspended_at is not None
        this = and_(factors.c.id == kept.row.id, _live(suspended=was_suspended))
        values: dict[str, object] = {"used_at": int(at.timestamp()), "suspended_at": None}
        if counter is not None and above is not None:
            this = and_(this, factors.c.counter <= above)
            values["counter"] = counter
        counts_now = kept.row.used_at is None and kept.row.method not in AT_ONCE
        with self._database.write() as connection:
            if connection.execute(update(factors).where(this).values(values)).rowcount != 1:
                return False
            if counts_now or was_suspended:
                besides = kept.row.id  # it has just been heard from itself
                enter(connection, kept.row.account, "factor_added", besides=besides, at=at)
            if scopes:
                throttle.release(connection, scopes[1])  # in the order of _reserve: no deadlock
                throttle.clear(connection, scopes[0])
            kind = "factor.reinstated" if was_suspended else "factor.used"
            used = _event(kind, kept.row.account, at, kept.row.id, method=kept.row.method)
            self._audit.append(connection, [used])
        return True

    def _replace(self, kept: _Kept, secret: Mapping[str, JSON]) -> bool:
        """Write a secret over the one that was read, if nobody else did."""
        sealed = self._key(kept.row.account).seal(
            canonical_json(secret), context=_context(kept.row.id)
        )
        this = and_(
            factors.c.id == kept.row.id,
            factors.c.counter == kept.row.counter,
            _live(suspended=kept.row.suspended_at is not None),
        )
        values = {"secret": sealed, "counter": factors.c.counter + 1}
        with self._database.write() as connection:
            return connection.execute(update(factors).where(this).values(values)).rowcount == 1

    def _forget_sent(self, account_id: str) -> None:
        with self._database.write() as connection:
            throttle.clear(connection, self._seal.scope("code-sent", account_id))

    def _refuse(self, method: str, account_id: str, at: datetime) -> AccountError:
        self._audit.record([_event("factor.refused", account_id, at, method=method)])
        return AccountError("The code is wrong.", code="factor.refused")


def _take_out(
    connection: Connection, account_id: str, which: ColumnElement[bool], at: datetime
) -> Sequence[str]:
    """Remove these factors and destroy their secrets: the account counts as changed; their ids."""
    these = and_(factors.c.account == account_id, factors.c.removed_at.is_(None), which)
    found = connection.execute(select(factors.c.id).where(these)).scalars().all()
    if not found:
        return ()
    # first the account, then its factors, as a recovery does: no deadlock
    changed = update(accounts).where(accounts.c.id == account_id)
    connection.execute(changed.values(version=accounts.c.version + 1))
    enter(connection, account_id, "factor_removed", at=at)  # also to the one that goes
    gone = {"removed_at": int(at.timestamp()), "secret": None}
    gone_now = update(factors).where(these).values(gone).returning(factors.c.id)
    return connection.execute(gone_now).scalars().all()


def _live(*, suspended: bool) -> ColumnElement[bool]:
    """Factors that were not removed, and that count or are suspended."""
    since = factors.c.suspended_at
    return and_(
        factors.c.removed_at.is_(None), since.is_not(None) if suspended else since.is_(None)
    )


@cache
def _nobody() -> str:
    """A PIN's hash that no PIN has."""
    return hash_digits(secrets.token_hex(16))


def _event(
    kind: str, account_id: str, at: datetime, factor_id: str = "", **detail: str
) -> AuditEvent:
    named = {"factor": factor_id, **detail} if factor_id else detail
    return AuditEvent(kind=kind, at=at, account=account_id, detail=named)


def _enrolled(row: Row[*tuple[object, ...]], label: str) -> Enrolled:
    used = None if row.used_at is None else datetime.fromtimestamp(row.used_at, UTC)
    return Enrolled(
        id=row.id,
        method=row.method,
        created_at=datetime.fromtimestamp(row.created_at, UTC),
        used_at=used,
        label=label,
    )


def _channel(secret: Mapping[str, JSON]) -> Channel:
    kind = secret["kind"]
    address = str(secret["address"])
    if kind == "sms":
        return Channel(kind="sms", address=address)
    return Channel(kind="email" if kind == "email" else "letter", address=address)


def _no_passkey() -> RequestRefused:
    return RequestRefused("The passkey's answer does not hold.", code="passkey")


def _digest(code: str) -> str:
    return encode_base64url(hashlib.sha256(b"eid-code:" + code.encode(errors="replace")).digest())


def _key(handle: str) -> bytes:
    return hashlib.sha256(handle.encode(errors="replace")).digest()


def _context(factor_id: str) -> bytes:
    return b"factor:" + factor_id.encode()
