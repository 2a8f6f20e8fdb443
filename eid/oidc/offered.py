"""Which methods there are: offered here, enrolled by the person, and worth something now.

A method of a kind that was shown already adds nothing (contracts §6), so it is not offered.
"""

from __future__ import annotations

from ipaddress import ip_address
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from eid.levels.account import Account
from eid.levels.assurance import CHANNEL, METHODS
from eid.oidc.interaction import Interaction
from eid.oidc.own_client import LEVEL, channel_shown, is_rising
from eid.oidc.provider import Provider

if TYPE_CHECKING:
    from eid.levels.factors.passkey import PasskeyParty


def methods_left(
    provider: Provider, interaction: Interaction, account: Account | None
) -> tuple[str, ...]:
    """The methods that would add a kind of factor, or come next on the way to level 1."""
    if is_rising(interaction):
        return _next(provider, interaction, account)
    kinds = {factor.kind for factor in interaction.factors}
    return tuple(m for m in methods_of(provider, account) if METHODS[m].kind not in kinds)


def _next(
    provider: Provider, interaction: Interaction, account: Account | None
) -> tuple[str, ...]:
    """First the card and then the channel of a sign-up; first the channel and then the card."""
    if account is None or provider.own is None:
        return ("card",)
    shown = {factor.method for factor in interaction.factors}
    if channel_shown(interaction) is not None:
        # a card that only a remote verifier vouches for raises, and is no factor
        wanted = "card" not in shown and account.level < 1
        asks_card = interaction.request.client_id == LEVEL and wanted
        return ("card",) if asks_card else ()
    # the code that confirms a new channel is the code that is asked for here
    enrolled = provider.own.factors.enrolled(account.id)
    return (CHANNEL,) if any(one.method == CHANNEL for one in enrolled) else ()


def methods_of(provider: Provider, account: Account | None) -> tuple[str, ...]:
    """What this person can show here. Of somebody who is not known yet nothing is told."""
    offered = provider.settings.methods
    cardless = account is not None and account.profile is None
    card = ("card",) if "card" in offered and not cardless else ()
    if provider.own is None:
        return ("password", *card)
    if account is None:
        unnamed = ("passkey",) if "passkey" in offered and has_passkeys(provider) else ()
        return ("password", *card, *unnamed)
    enrolled = {one.method for one in provider.own.factors.enrolled(account.id) if one.counts}
    order = ("pin", "totp", "passkey", "code")
    if not has_passkeys(provider):
        enrolled.discard("passkey")
    return ("password", *card, *(m for m in order if m in enrolled and m in offered))


def channel_kinds(provider: Provider) -> tuple[str, ...]:
    """How somebody who signs up can be reached: the kinds that codes are carried to."""
    own, offered = provider.own, provider.settings.methods
    return () if own is None or not {"card", CHANNEL} <= offered else tuple(own.senders)


def has_passkeys(provider: Provider) -> bool:
    """Whether browsers allow passkeys for this issuer: it needs a name, not an address."""
    try:
        ip_address(_host(provider))
    except ValueError:
        return True
    return False


def party_of(provider: Provider) -> PasskeyParty:
    """The provider as the party that passkeys are for: its host, its one origin."""
    from eid.levels.factors.passkey import PasskeyParty  # noqa: PLC0415 - few logins need it

    settings = provider.settings
    return PasskeyParty(rp_id=_host(provider), name=settings.legal_entity, origin=settings.origin)


def _host(provider: Provider) -> str:
    return urlsplit(provider.settings.issuer).hostname or ""
