"""Registrations read and judged: RFC 7591 objects, OIDC Registration §2 members, and ours.

Members that mean nothing here are ignored (RFC 7591 §2), except for unknown ones that begin with
``eid_``. The profile ``fapi2`` settles what a client would otherwise have to ask for.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable, Mapping

from eid.errors import FormatError, SettingsError
from eid.keys import JSON, SIGNING_ALGORITHMS, JwkSet, SigningAlgorithm
from eid.oidc.claims import SCOPES
from eid.oidc.client import AUTH_METHODS, PROFILES, AuthMethod, Client, Profile
from eid.oidc.client_secrets import check_hash, hash_secret
from eid.oidc.redirect_uris import MAX_URI, is_allowed

MIN_SECRET, MAX_SECRET = 8, 256
MAX_REDIRECT_URIS = 32
GRANT_TYPES = frozenset({"authorization_code", "refresh_token"})
_CLIENT_ID = re.compile(r"[A-Za-z0-9._~:/-]{1,128}", re.ASCII)
_OWN_MEMBERS = frozenset(
    {
        "eid_min_auth_level",
        "eid_legal_entity",
        "eid_legal_basis",
        "eid_client_secret_hash",
        "eid_profile",
        "eid_resources",
        "eid_audience",
        "eid_pkce_optional",
        "eid_verified_claims",
        "eid_disabled",
    }
)
_ORDINARY_SCOPES = "openid profile address"
_SCOPES_WITHOUT_CLAIMS = frozenset({"openid", "email", "phone", "offline_access"})
_FAPI_ALGORITHMS = frozenset({"ES256", "PS256", "EdDSA"})


def client_from_metadata(
    metadata: Mapping[str, JSON],
    *,
    legal_entity: str,
    rng: Callable[[int], bytes] = secrets.token_bytes,
) -> Client:
    """A client from an RFC 7591 object; SettingsError names the member that is wrong.

    The secret comes as ``client_secret`` or, from a store, as ``eid_client_secret_hash``.
    """
    for name in metadata:
        if name.startswith("eid_") and name not in _OWN_MEMBERS:
            raise wrong(name, f"one of {', '.join(sorted(_OWN_MEMBERS))}")
    client_id = _text(metadata, "client_id")
    if not _CLIENT_ID.fullmatch(client_id):
        raise wrong("client_id", "1 to 128 letters, digits and ._~:/-")
    method, profile = _auth_method(metadata), _profile(metadata)
    strict = profile == "fapi2"
    jwks, jwks_uri = _keys(metadata, required=method == "private_key_jwt")
    client = Client(
        client_id=client_id,
        name=_text(metadata, "client_name", default=client_id),
        redirect_uris=_redirect_uris(metadata),
        auth_method=method,
        legal_entity=_text(metadata, "eid_legal_entity", default=legal_entity),
        scopes=_scopes(metadata),
        grant_types=_grant_types(metadata),
        profile=profile,
        min_auth_level=_min_auth_level(metadata),
        legal_basis=_text(metadata, "eid_legal_basis", default="") or None,
        secret_hash=_secret_hash(metadata, method=method, rng=rng),
        jwks=jwks,
        jwks_uri=jwks_uri,
        id_token_alg=_algorithm(metadata, "id_token_signed_response_alg") or "ES256",
        userinfo_alg=_algorithm(metadata, "userinfo_signed_response_alg"),
        post_logout_redirect_uris=_uris(metadata, "post_logout_redirect_uris"),
        backchannel_logout_uri=_uri(metadata, "backchannel_logout_uri"),
        resources=_uris(metadata, "eid_resources"),
        audience=_uri(metadata, "eid_audience"),
        requires_par=strict or _flag(metadata, "require_pushed_authorization_requests"),
        requires_request_object=_flag(metadata, "require_signed_request_object"),
        requires_dpop=strict or _flag(metadata, "dpop_bound_access_tokens"),
        pkce_optional=_flag(metadata, "eid_pkce_optional"),
        verified_claims=_flag(metadata, "eid_verified_claims"),
        disabled=_flag(metadata, "eid_disabled"),
    )
    _check_together(client)
    return client


def _check_together(client: Client) -> None:
    if client.pkce_optional and (client.is_public or client.profile == "fapi2"):
        raise wrong("eid_pkce_optional", "false for public clients and in the profile fapi2")
    if client.profile == "fapi2":
        if client.auth_method != "private_key_jwt":
            raise wrong("token_endpoint_auth_method", "private_key_jwt in the profile fapi2")
        if client.id_token_alg not in _FAPI_ALGORITHMS:
            raise wrong("id_token_signed_response_alg", "ES256, PS256 or EdDSA in fapi2")
        if client.userinfo_alg not in _FAPI_ALGORITHMS | {None}:
            raise wrong("userinfo_signed_response_alg", "ES256, PS256 or EdDSA in fapi2")
    if client.requires_request_object and not client.has_keys:
        raise wrong("require_signed_request_object", "a client with jwks or jwks_uri")
    if client.backchannel_logout_uri and "?" in client.backchannel_logout_uri:
        raise wrong("backchannel_logout_uri", "an address without a query")


def _auth_method(metadata: Mapping[str, JSON]) -> AuthMethod:
    method = metadata.get("token_endpoint_auth_method", "client_secret_basic")
    if method not in AUTH_METHODS:
        raise wrong("token_endpoint_auth_method", ", ".join(AUTH_METHODS))
    return method


def _profile(metadata: Mapping[str, JSON]) -> Profile:
    profile = metadata.get("eid_profile", "basic")
    if profile not in PROFILES:
        raise wrong("eid_profile", " or ".join(PROFILES))
    return profile


def _keys(
    metadata: Mapping[str, JSON], *, required: bool
) -> tuple[Mapping[str, JSON] | None, str | None]:
    """The client's public keys, by value or by address, never both (RFC 7591 §2)."""
    jwks, jwks_uri = metadata.get("jwks"), _uri(metadata, "jwks_uri")
    if jwks is None:
        if required and jwks_uri is None:
            raise wrong("jwks", "a key set, or a jwks_uri, for private_key_jwt")
        return None, jwks_uri
    if jwks_uri is not None or not isinstance(jwks, Mapping):
        raise wrong("jwks", "a key set, and then no jwks_uri")
    try:
        usable = JwkSet.from_jwks(jwks).keys
    except FormatError as error:
        raise wrong("jwks", f"public keys only ({error.code})") from error
    if not usable:
        raise wrong("jwks", "at least one signature key of a known kind")
    return jwks, None


def _redirect_uris(metadata: Mapping[str, JSON]) -> tuple[str, ...]:
    uris = metadata.get("redirect_uris")
    if not isinstance(uris, list) or not 0 < len(uris) <= MAX_REDIRECT_URIS:
        raise wrong("redirect_uris", "a list of addresses")
    for uri in uris:
        if not isinstance(uri, str) or not is_allowed(uri):
            raise wrong(
                "redirect_uris", "https (http on loopback only), without fragment or wildcard"
            )
    return tuple(str(uri) for uri in uris)


def _uris(metadata: Mapping[str, JSON], name: str) -> tuple[str, ...]:
    listed = metadata.get(name, ())
    if not isinstance(listed, list | tuple) or len(listed) > MAX_REDIRECT_URIS:
        raise wrong(name, "a list of addresses")
    for uri in listed:
        if not isinstance(uri, str) or not is_allowed(uri):
            raise wrong(name, "https (http on loopback only), without fragment or wildcard")
    return tuple(str(uri) for uri in listed)


def _uri(metadata: Mapping[str, JSON], name: str) -> str | None:
    value = metadata.get(name)
    if value is None:
        return None
    if not isinstance(value, str) or not is_allowed(value):
        raise wrong(name, "an https address (http on loopback only)")
    return value


def _flag(metadata: Mapping[str, JSON], name: str) -> bool:
    value = metadata.get(name, False)
    if not isinstance(value, bool):
        raise wrong(name, "true or false")
    return value


def _algorithm(metadata: Mapping[str, JSON], name: str) -> SigningAlgorithm | None:
    value = metadata.get(name)
    if value is None:
        return None
    if value not in SIGNING_ALGORITHMS:
        raise wrong(name, ", ".join(SIGNING_ALGORITHMS))
    return value


def _grant_types(metadata: Mapping[str, JSON]) -> frozenset[str]:
    """What is offered of what was asked for (RFC 7591 §2)."""
    listed = metadata.get("grant_types", ["authorization_code"])
    if not isinstance(listed, list) or "authorization_code" not in listed:
        raise wrong("grant_types", "a list with authorization_code")
    responses = metadata.get("response_types", ["code"])
    if not isinstance(responses, list) or "code" not in responses:
        raise wrong("response_types", "a list with code")
    return GRANT_TYPES & {str(name) for name in listed}


def _scopes(metadata: Mapping[str, JSON]) -> frozenset[str]:
    """Number and card data only by name; the usual scopes that have no claims here fall away."""
    named = frozenset(_text(metadata, "scope", default=_ORDINARY_SCOPES).split())
    if not named <= SCOPES | _SCOPES_WITHOUT_CLAIMS:
        raise wrong("scope", "openid and any of " + " ".join(sorted(SCOPES)))
    return (named & SCOPES) | {"openid"}


def _min_auth_level(metadata: Mapping[str, JSON]) -> int | None:
    level = metadata.get("eid_min_auth_level")
    if level is None:
        return None
    if not isinstance(level, int) or isinstance(level, bool) or not 1 <= level <= 4:
        raise wrong("eid_min_auth_level", "a number from 1 to 4")
    return level


def _secret_hash(
    metadata: Mapping[str, JSON], *, method: AuthMethod, rng: Callable[[int], bytes]
) -> str | None:
    secret, stored = metadata.get("client_secret"), metadata.get("eid_client_secret_hash")
    if method in {"none", "private_key_jwt"}:
        if secret is not None or stored is not None:
            raise wrong("client_secret", "no secret for this method")
        return None
    if stored is not None:
        return _stored_hash(stored)
    if not isinstance(secret, str) or not MIN_SECRET <= len(secret) <= MAX_SECRET:
        raise wrong("client_secret", f"{MIN_SECRET} to {MAX_SECRET} characters")
    return hash_secret(secret, rng=rng)


def _stored_hash(stored: JSON) -> str:
    try:
        check_hash(str(stored))
    except FormatError as error:
        raise wrong("eid_client_secret_hash", "a hash made by this program") from error
    return str(stored)


def _text(metadata: Mapping[str, JSON], name: str, *, default: str | None = None) -> str:
    value = metadata.get(name, default)
    if not isinstance(value, str) or len(value) > MAX_URI or not value.isprintable():
        raise wrong(name, "a text")
    return value


def wrong(member: str, expected: str) -> SettingsError:
    """The error for a member of a registration."""
    return SettingsError(
        f"The client's {member[:64]} is not usable; expected is {expected}.",
        code="settings.client",
        key=member[:64],
        expected=expected,
    )
