"""The person's own pages wired: the store behind them, and who carries codes to people."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from eid.app.later import later
from eid.app.people_settings import PeopleSettings
from eid.oidc.own_ports import OwnPages
from eid.store import Store

if TYPE_CHECKING:
    from eid.admin.recovery import RecoveryDesk
    from eid.levels.factors.code import ChannelKind, Sender


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


def senders_of(settings: PeopleSettings) -> Mapping[ChannelKind, Sender]:
    """Who carries codes, by kind of channel; what is not set up is not offered."""
    if settings.mail is None and settings.sms_outbox is None and settings.letters_outbox is None:
        return {}
    from eid.levels.factors.code import FileSender, SmtpSender  # noqa: PLC0415 - see above

    senders: dict[ChannelKind, Sender] = {}
    if settings.mail is not None:
        mail = settings.mail
        senders["email"] = SmtpSender(
            host=mail.host,
            port=mail.port,
            sender=mail.sender,
            username=mail.username,
            password=mail.password,
        )
    if settings.sms_outbox is not None:
        senders["sms"] = FileSender(path=settings.sms_outbox)
    if settings.letters_outbox is not None:
        senders["letter"] = FileSender(path=settings.letters_outbox)
    return senders
