"""The provider as a client of its own login: My account, its level, and sign-up.

No registered client can have these ids: ``@`` is not among the characters of a ``client_id``.
Where such a login may lead is this table, and nothing that a request says.
"""

from __future__ import annotations

from eid.levels.assurance import CHANNEL, Factor
from eid.oidc.client import Client
from eid.oidc.interaction import Interaction
from eid.oidc.provider import Provider

ACCOUNT = "@account"
LEVEL = "@level"
SIGN_UP = "@sign-up"
IDS = frozenset({ACCOUNT, LEVEL, SIGN_UP})
NAME = "Tài khoản của tôi / My account"
HOME = "/account"
PLACES = (
    HOME,
    "/account/methods",
    "/account/methods/pin",
    "/account/methods/app",
    "/account/methods/channel",
    "/account/methods/passkey",
    "/account/password",
    "/account/sessions",
    "/account/consents",
    "/account/log",
    "/account/data",
    "/account/close",
    "/account/level",
)


def is_own(client_id: str) -> bool:
    """Whether a login is for the provider's own pages."""
    return client_id in IDS


def is_rising(interaction: Interaction) -> bool:
    """Whether a login is on its way to level 1."""
    return interaction.request.client_id in {LEVEL, SIGN_UP}


def channel_shown(interaction: Interaction) -> Factor | None:
    """The channel that was confirmed in this login."""
    return next((one for one in interaction.factors if one.method == CHANNEL), None)


def own_client(provider: Provider, client_id: str) -> Client:
    """The client of such a login."""
    return Client(
        client_id=client_id,
        name=NAME,
        redirect_uris=tuple(map(provider.settings.url, PLACES)),
        auth_method="none",
        legal_entity=provider.settings.legal_entity,
    )
