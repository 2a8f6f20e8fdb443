"""One installation: settings, keys, database and trust folder wired to the rooms that use them.

This is the only place that knows all concrete classes. Programs open it, use a part, close it; the
code of a part that not every program uses is loaded with its first use.
"""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Literal

from eid.app.later import later
from eid.app.live_keys import LiveKeys
from eid.app.people import own_pages
from eid.app.secret_source import opened_keys
from eid.app.settings import Settings
from eid.app.verifier import TrustFolder, Verifier
from eid.chip.policy import IDENTIFY
from eid.errors import EidError, FormatError
from eid.keys import KeyFolder, SigningKey, load_or_create_signing_key
from eid.levels.account import Account
from eid.levels.rules import Rules
from eid.oidc.clients import Client
from eid.oidc.outbound import FetchedKeys, Notifier, Outbound, Watch, unwatched
from eid.oidc.ports import AuditEvent
from eid.oidc.provider import Provider
from eid.oidc.settings import ProviderSettings
from eid.store import Accounts, Audit, Grants, Store, new_account_id, open_store
from eid.store.clients import Clients

if TYPE_CHECKING:
    from eid.admin.counter import CounterDesk
    from eid.admin.recovery import RecoveryDesk
    from eid.chip.consulted import Gateway

LOGIN = replace(
    IDENTIFY, name="login", required=IDENTIFY.required | {"aa.signature", "aa.freshness"}
)
"""What a card must show to be a factor: everything of ``identify``, and the chip's own answer."""
KIOSK = replace(LOGIN, name="kiosk")
"""What a kiosk demands while the line is down: the same, of a Vietnamese card."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ManualProof:
    """An officer's word for a level that no chip was read for; recorded as source ``manual``."""

    level: Literal[1, 2]
    officer: str
    reason: str

    def __post_init__(self) -> None:
        if not (self.officer and self.reason):
            raise FormatError(
                "A level needs the officer who proofed the person, and a reason.",
                code="input.proofed_by",
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class Installation:
    """Everything of one ``eid.toml``, opened; use :func:`open_installation`."""

    settings: Settings
    keys: KeyFolder
    store: Store = field(repr=False)
    clients: Clients = field(repr=False)
    trust: TrustFolder
    watch: Watch = field(default=unwatched, repr=False)

    @property
    def accounts(self) -> Accounts:
        """The people who log in."""
        return self.store.accounts

    @property
    def grants(self) -> Grants:
        """One-time state."""
        return self.store.grants

    @property
    def audit(self) -> Audit:
        """The record."""
        return self.store.audit

    def provider(self, *, clock: Callable[[], datetime] = lambda: datetime.now(UTC)) -> Provider:
        """The OpenID Provider over this installation."""
        settings = self.settings
        outbound = Outbound(
            insecure_loopback=settings.development,
            allowed_hosts=frozenset(settings.outbound_hosts),
            watch=self.watch,
        )
        return Provider(
            settings=ProviderSettings(
                issuer=settings.issuer,
                agent_url=settings.agent_url,
                legal_entity=settings.legal_entity,
                role=settings.role,
                acr_prefix=settings.acr_prefix,
                session_s=settings.session_s,
                refresh_grace_s=settings.refresh_grace_s,
                trust_framework=settings.trust_framework,
                theme=settings.people.theme,
                methods=settings.people.methods,
            ),
            keys=LiveKeys(self.keys),
            grants=self.grants,
            accounts=self.accounts,
            clients=self.clients,
            judge_evidence=Verifier(trust=self.trust, policy=LOGIN, gateway=self._gateway(clock)),
            judge_visit=Verifier(trust=self.trust, policy=LOGIN),
            rules=Rules.load(),
            clock=clock,
            is_ready=self.is_ready,
            client_keys=FetchedKeys(outbound),
            notify=Notifier(outbound),
            own=own_pages(self.store, settings.people),
            kiosks=later(lambda: self.store.kiosks),
            kiosk_trust=self.trust.files,
            kiosk_policy={"name": KIOSK.name, "required": sorted(KIOSK.required)},
        )

    def recovery(self) -> RecoveryDesk:
        """The desk where two officers agree to a recovery."""
        from eid.app.people import recovery_desk  # noqa: PLC0415 - see above

        return recovery_desk(self.store)

    def counter(
        self,
        *,
        issuer: str = "",
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> CounterDesk:
        """The counter, where officers raise accounts to level 2; it follows the trust folder."""
        from eid.admin.counter import CounterDesk  # noqa: PLC0415 - see above

        self.trust.current()
        return CounterDesk(
            issuer=issuer or self.settings.issuer,
            register=self.accounts,
            grants=self.grants,
            trust=self.trust.current,
            cases=self.accounts.cases,
            gateway=self._gateway(clock),
        )

    def _gateway(self, clock: Callable[[], datetime]) -> Gateway | None:
        if self.settings.gateway is None:
            return None
        from eid.app.gateway import gateway_of  # noqa: PLC0415 - see above

        return gateway_of(self.settings, clock=clock, watch=self.watch)

    def qr_key(self) -> SigningKey:
        """The key that signs QR credentials."""
        return load_or_create_signing_key(replace(self.keys, token=None), "qr")

    def is_ready(self) -> bool:
        """Whether the database can be written and the trust folder be read now."""
        try:
            self.store.database.check()
            with self.store.database.write():
                self.trust.current()
        except EidError:
            return False
        return True

    def add_account(
        self,
        *,
        username: str,
        password: str,
        roles: Iterable[str] = (),
        proof: ManualProof | None = None,
        at: datetime,
    ) -> Account:
        """Create an account by the operator's own act, with an audit row.

        Without a proof it has no level. AccountError ``account.username_taken``; FormatError for
        an unusable name or password.
        """
        account = Account(
            id=new_account_id(),
            username=username,
            created_at=at,
            state="active" if proof else "registered",
            level=proof.level if proof else 0,
            source="manual",
            holder_match="officer" if proof and proof.level == 2 else "none",
            roles=frozenset(roles),
            proofed_at=at if proof else None,
        )
        detail = {"level": str(account.level), "roles": " ".join(sorted(account.roles))}
        if proof:
            detail |= {"proofed_by": proof.officer, "reason": proof.reason}
        event = AuditEvent(kind="account.added", at=at, account=account.id, detail=detail)
        return self.accounts.create(account, password=password, events=[event])

    def refusal(self, correlation: str) -> AuditEvent | None:
        """The record of a request that was refused under this reference."""
        return self.audit.refusal(correlation)

    def add_clients(self, registered: Iterable[Client], *, at: datetime) -> None:
        """Register services, all or none; one with a known id is replaced."""
        self.clients.put(registered, at=at)


@contextmanager
def open_installation(settings: Settings, *, watch: Watch = unwatched) -> Iterator[Installation]:
    """Open the installation; an empty database is given its tables first.

    ``watch`` sees the calls that it makes to others.

    Raises SettingsError for what must be mended, Unavailable when the database is down.
    """
    with opened_keys(settings) as keys:
        store = open_store(
            settings.database,
            keys.folder,
            node=_node(),
            secrets=keys.secrets,
            insecure_fast_hash=settings.insecure_fast_hash,
        )
        try:
            yield Installation(
                settings=settings,
                keys=keys.folder,
                store=store,
                clients=Clients(
                    store.database, audit=store.audit, legal_entity=settings.legal_entity
                ),
                trust=TrustFolder(settings.trust),
                watch=watch,
            )
        finally:
            store.close()


def _node() -> str:
    """The machine's name as the name of its audit chain: lower case, nothing exotic."""
    name = socket.gethostname().partition(".")[0].lower()
    clean = "".join(letter for letter in name if letter.isascii() and letter.isalnum())
    return clean[:63] or "node"
