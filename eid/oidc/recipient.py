"""Who asks, and where the answer goes: known to belong together before anything is sent there.

(RFC 6749 §4.1.1, RFC 9700 §2.1.) What fails here is shown on a page; nothing is redirected.
"""

from __future__ import annotations

from eid.errors import OAuthError, SettingsError
from eid.oidc.client import Client
from eid.oidc.http import Parameters
from eid.oidc.provider import Provider


def known_client(provider: Provider, parameters: Parameters) -> Client:
    """The registered client that the request names; OAuthError for a page, not a redirect."""
    client_id = parameters.get("client_id")
    try:
        client = provider.client(client_id) if client_id else None
    except SettingsError as error:
        raise OAuthError("unauthorized_client", error.message) from error
    if client is None:
        raise OAuthError(
            "invalid_client",
            "The service that sent you here is not known.",
            reason="unknown",
            client=client_id or "",
        )
    return client


def registered_redirect_uri(client: Client, parameters: Parameters) -> str:
    """The redirect URI, equal as a string to a registered one (RFC 9700 §2.1)."""
    redirect_uri = parameters.get("redirect_uri")
    if redirect_uri is None or redirect_uri not in client.redirect_uris:
        raise OAuthError(
            "invalid_redirect_uri",
            "The service did not register the address to return to.",
            reason="redirect_uri",
            client=client.client_id,
            received=redirect_uri or "",
            registered=" ".join(client.redirect_uris),
        )
    return redirect_uri
