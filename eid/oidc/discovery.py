"""What the provider says of itself: metadata and keys, as bytes that are made once.

(OIDC Discovery §3, RFC 8414, RFC 9207, RFC 7517.) The metadata names exactly what is switched on.
"""

from __future__ import annotations

import hashlib

from eid.keys import JSON, SIGNING_ALGORITHMS, SigningKey, canonical_json, encode_base64url
from eid.oidc.acr import supported
from eid.oidc.assertion import ALGORITHMS
from eid.oidc.authorization import RESPONSE_MODES
from eid.oidc.claims import FIELDS
from eid.oidc.client import AUTH_METHODS
from eid.oidc.client_metadata import GRANT_TYPES
from eid.oidc.cors import ANYBODY
from eid.oidc.errors import DPOP_ALGORITHMS
from eid.oidc.http import Request, Response
from eid.oidc.provider import Provider
from eid.oidc.verified import EVIDENCE_TYPES, check_methods

METADATA_AGE_S = 3600
KEYS_AGE_S = 300


class Document:
    """Bytes that are answered as they are, or by 304 to whoever has them: made once."""

    __slots__ = ("_found", "_known", "_tag")

    def __init__(self, *, body: bytes, content_type: str, max_age_s: int) -> None:
        self._tag = f'"{encode_base64url(hashlib.sha256(body).digest()[:12])}"'
        cache = f"public, max-age={max_age_s}"
        headers = (("ETag", self._tag), ("Cache-Control", cache), ANYBODY)
        self._known = Response(status=304, headers=headers)
        self._found = Response(body=body, content_type=content_type, headers=headers)

    def respond(self, request: Request) -> Response:
        """The document, or 304 where the caller has it."""
        known = request.if_none_match
        if known is not None and self._tag in _tags(known):
            return self._known
        return self._found


def metadata_document(provider: Provider) -> Document:
    """``/.well-known/openid-configuration``."""
    return _document(metadata(provider), METADATA_AGE_S)


def keys_document(provider: Provider) -> Document:
    """``/jwks``: public keys only, the one that evidence is encrypted to with ``use`` enc."""
    keys = provider.keys
    members: list[JSON] = [key.public_jwk() for key in keys.published]
    return _document({"keys": [*members, keys.evidence.public_jwk()]}, KEYS_AGE_S)


class LiveKeysDocument:
    """The JWKS, made again only when the published keys have changed."""

    def __init__(self, provider: Provider) -> None:
        self._provider = provider
        self._made: tuple[tuple[SigningKey, ...], Document] | None = None

    def respond(self, request: Request) -> Response:
        """The document as the keys are now."""
        published, made = self._provider.keys.published, self._made
        if made is None or made[0] != published:
            made = self._made = (published, keys_document(self._provider))
        return made[1].respond(request)


def metadata(provider: Provider) -> dict[str, JSON]:
    """The provider's metadata."""
    settings = provider.settings
    scopes = dict.fromkeys(["openid", "offline_access", *(field.scope for field in FIELDS)])
    own = [
        "sub",
        "acr",
        "amr",
        "auth_time",
        "eid_level",
        "eid_auth_level",
        "eid_source",
        "sid",
        "verified_claims",
    ]
    return {
        "issuer": settings.issuer,
        "authorization_endpoint": settings.url("/authorize"),
        "token_endpoint": settings.url("/token"),
        "userinfo_endpoint": settings.url("/userinfo"),
        "jwks_uri": settings.url("/jwks"),
        "response_types_supported": ["code"],
        "pushed_authorization_request_endpoint": settings.url("/par"),
        "revocation_endpoint": settings.url("/revoke"),
        "introspection_endpoint": settings.url("/introspect"),
        "end_session_endpoint": settings.url("/logout"),
        "response_modes_supported": list(RESPONSE_MODES),
        "grant_types_supported": sorted(GRANT_TYPES),
        "subject_types_supported": ["pairwise"],
        "id_token_signing_alg_values_supported": list(SIGNING_ALGORITHMS),
        "userinfo_signing_alg_values_supported": list(SIGNING_ALGORITHMS),
        "request_object_signing_alg_values_supported": sorted(ALGORITHMS["basic"]),
        "dpop_signing_alg_values_supported": list(DPOP_ALGORITHMS),
        "token_endpoint_auth_methods_supported": list(AUTH_METHODS),
        "token_endpoint_auth_signing_alg_values_supported": sorted(ALGORITHMS["basic"]),
        "revocation_endpoint_auth_methods_supported": list(AUTH_METHODS),
        "revocation_endpoint_auth_signing_alg_values_supported": sorted(ALGORITHMS["basic"]),
        "introspection_endpoint_auth_methods_supported": [m for m in AUTH_METHODS if m != "none"],
        "introspection_endpoint_auth_signing_alg_values_supported": sorted(ALGORITHMS["basic"]),
        "code_challenge_methods_supported": ["S256"],
        "scopes_supported": list(scopes),
        "claims_supported": own + [field.name for field in FIELDS],
        "claim_types_supported": ["normal"],
        "acr_values_supported": list(
            supported(settings.acr_prefix, auth_level=settings.best_auth_level)
        ),
        "prompt_values_supported": ["none", "login", "consent", "select_account"],
        "ui_locales_supported": ["vi", "en"],
        "claims_parameter_supported": True,
        "request_parameter_supported": True,
        "require_pushed_authorization_requests": False,
        "require_signed_request_object": False,
        "backchannel_logout_supported": True,
        "backchannel_logout_session_supported": True,
        "verified_claims_supported": True,
        "trust_frameworks_supported": [settings.trust_framework],
        "evidence_supported": list(EVIDENCE_TYPES),
        "documents_supported": ["idcard"],
        "documents_check_methods_supported": list(check_methods(settings.acr_prefix)),
        "claims_in_verified_claims_supported": [field.name for field in FIELDS],
        "request_uri_parameter_supported": False,
        "authorization_response_iss_parameter_supported": True,
    }


def _tags(known: str) -> list[str]:
    """The entity tags of an If-None-Match, compared weakly (RFC 9110 §13.1.2)."""
    return [tag.strip() for tag in known.replace("W/", "").split(",")]


def _document(value: dict[str, JSON], max_age_s: int) -> Document:
    return Document(
        body=canonical_json(value), content_type="application/json", max_age_s=max_age_s
    )
