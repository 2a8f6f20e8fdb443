"""The person's own pages wired: the store behind them, and who carries codes to people."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from eid.app.later import later
from eid.app.people_settings import PeopleSettings
from eid.errors import Unavailable
from eid.oidc.own_ports import OwnPages
from eid.store import Store

if TYPE_CHECKING:
    from eid.admin.recovery import RecoveryDesk
    from eid.levels.factors.code import ChannelKind, Sender
    from eid.store.notices import Notice


def own_pages(store: Store, settings: PeopleSettings) -> OwnPages:
    """Everything that My account, sign-up and recovery work with."""
    return OwnPages(
        factors=store.factors,
        register=store.accounts,
        ledger=store.consents,
        record=store.audit,
        subjects=later(lambda: store.subjects),
        cases=store.accounts.cases,
        recovery=later(lambda: recovery_desk(store)),
        senders=senders_of(settings),
        draw=_draw,
    )


def _draw(text: str) -> bytes:
    """A code as a picture; what draws it is loaded by the first."""
    from eid.qr.render import render_png  # noqa: PLC0415 - see above

    return render_png(text, module_px=5)


def recovery_desk(store: Store) -> RecoveryDesk:
    """The desk where two officers agree to a recovery, and its end."""
    from eid.admin.recovery import RecoveryDesk  # noqa: PLC0415 - loaded by the first recovery

    return RecoveryDesk(register=store.accounts, cases=store.accounts.cases, grants=store.grants)


def notice_sender(settings: PeopleSettings, service: str) -> Callable[[Notice], None]:
    """Who tells people what has changed: the carriers of codes, under a subject of its own."""

    def send(told: Notice) -> None:
        from eid.levels.notices import SUBJECT, notice  # noqa: PLC0415 - loaded by the first

        senders = senders_of(settings, subject=SUBJECT)
        sender = senders.get(told.channel.kind)
        if sender is None:
            raise Unavailable("This channel cannot be reached now.", code="channel.sender")
        sender(told.channel, notice(told.occasion, service, at=told.at), at=told.at)

    return send


def senders_of(settings: PeopleSettings, *, subject: str = "") -> Mapping[ChannelKind, Sender]:
    """Who carries codes, or else messages of this subject, by kind of channel.

    What is not set up is not offered.
    """
    if settings.mail is None and settings.sms_outbox is None and settings.letters_outbox is None:
        return {}
    from eid.levels.factors.code import (  # noqa: PLC0415 - see above
        CODE_SUBJECT,
        FileSender,
        SmtpSender,
    )

    senders: dict[ChannelKind, Sender] = {}
    if settings.mail is not None:
        mail = settings.mail
        senders["email"] = SmtpSender(
            host=mail.host,
            port=mail.port,
            sender=mail.sender,
            username=mail.username,
            password=mail.password,
            subject=subject or CODE_SUBJECT,
        )
    if settings.sms_outbox is not None:
        senders["sms"] = FileSender(path=settings.sms_outbox)
    if settings.letters_outbox is not None:
        senders["letter"] = FileSender(path=settings.letters_outbox)
    return senders
