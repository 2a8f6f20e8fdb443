"""One registered relying service as a value (RFC 7591 member names; contracts §7).

>>> client = Client(client_id="shop", name="Shop", redirect_uris=("https://shop.example/cb",),
...                 auth_method="none", legal_entity="Example Ltd")
>>> client.is_public, client.sector, client.refreshes
(True, 'Example Ltd', False)
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, get_args

from eid.keys import JSON, JwkSet, SigningAlgorithm

AuthMethod = Literal["client_secret_basic", "client_secret_post", "private_key_jwt", "none"]
AUTH_METHODS: tuple[AuthMethod, ...] = get_args(AuthMethod)
Profile = Literal["basic", "fapi2"]
PROFILES: tuple[Profile, ...] = get_args(Profile)


@dataclass(frozen=True, slots=True, kw_only=True)
class Client:
    """One relying service. ``secret_hash`` is None for clients without a shared secret.

    ``min_auth_level`` None stands for the default: the level that is asked for. ``audience`` is
    the resource that the client itself serves, and whose tokens it may introspect; ``resources``
    are those that it may ask tokens for.
    """

    client_id: str
    name: str
    redirect_uris: tuple[str, ...]
    auth_method: AuthMethod
    legal_entity: str
    scopes: frozenset[str] = frozenset({"openid"})
    grant_types: frozenset[str] = frozenset({"authorization_code"})
    profile: Profile = "basic"
    min_auth_level: int | None = None
    legal_basis: str | None = None
    secret_hash: str | None = field(default=None, repr=False)
    jwks: Mapping[str, JSON] | None = field(default=None, repr=False)
    jwks_uri: str | None = None
    id_token_alg: SigningAlgorithm = "ES256"  # noqa: S105 - no password
    userinfo_alg: SigningAlgorithm | None = None
    post_logout_redirect_uris: tuple[str, ...] = ()
    backchannel_logout_uri: str | None = None
    resources: tuple[str, ...] = ()
    audience: str | None = None
    requires_par: bool = False
    requires_request_object: bool = False
    requires_dpop: bool = False
    pkce_optional: bool = False
    verified_claims: bool = False
    disabled: bool = False

    @property
    def sector(self) -> str:
        """The sector of the pairwise ``sub``: the legal entity, never a host name."""
        return self.legal_entity

    @property
    def is_public(self) -> bool:
        """Whether the client has nothing to authenticate with."""
        return self.auth_method == "none"

    @property
    def refreshes(self) -> bool:
        """Whether it gets refresh tokens."""
        return "refresh_token" in self.grant_types

    @property
    def has_keys(self) -> bool:
        """Whether it can sign something that we can check."""
        return self.jwks is not None or self.jwks_uri is not None

    def inline_keys(self) -> JwkSet:
        """The keys that were registered with it; an empty set where there are none."""
        return JwkSet(keys={}) if self.jwks is None else JwkSet.from_jwks(self.jwks)

    def to_metadata(self) -> dict[str, JSON]:
        """The registration without its secret, as it is stored and shown."""
        optional: dict[str, JSON] = {
            "eid_min_auth_level": self.min_auth_level,
            "eid_legal_basis": self.legal_basis,
            "eid_client_secret_hash": self.secret_hash,
            "jwks": self.jwks,
            "jwks_uri": self.jwks_uri,
            "userinfo_signed_response_alg": self.userinfo_alg,
            "post_logout_redirect_uris": list(self.post_logout_redirect_uris) or None,
            "backchannel_logout_uri": self.backchannel_logout_uri,
            "eid_resources": list(self.resources) or None,
            "eid_audience": self.audience,
            "require_pushed_authorization_requests": self.requires_par or None,
            "require_signed_request_object": self.requires_request_object or None,
            "dpop_bound_access_tokens": self.requires_dpop or None,
            "eid_pkce_optional": self.pkce_optional or None,
            "eid_verified_claims": self.verified_claims or None,
            "eid_disabled": self.disabled or None,
        }
        return {
            "client_id": self.client_id,
            "client_name": self.name,
            "redirect_uris": list(self.redirect_uris),
            "token_endpoint_auth_method": self.auth_method,
            "scope": " ".join(sorted(self.scopes)),
            "grant_types": sorted(self.grant_types),
            "id_token_signed_response_alg": self.id_token_alg,
            "eid_legal_entity": self.legal_entity,
            "eid_profile": self.profile,
        } | {name: value for name, value in optional.items() if value is not None}
