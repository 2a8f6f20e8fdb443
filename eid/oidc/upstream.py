"""Being a relying party: log somebody in at an OpenID Provider (OpenID Connect Core §3.1).

The only home of Authlib. Discovery, PKCE and the token request are Authlib's; what a relying
party must check itself is checked here: the provider's metadata, ``state``, ``iss`` (RFC 9207),
the ID token through the strict door of :mod:`eid.keys`, and the level that was asked for.

The server keeps no memory of its own: :meth:`RelyingParty.begin` returns what has to be kept in
the user's session, :meth:`RelyingParty.complete` takes it back.

>>> settings = RelyingPartySettings(
...     issuer="https://id.example", client_id="portal", client_secret="s3cret",
...     redirect_uri="https://portal.example/callback")
>>> settings
RelyingPartySettings(issuer='https://id.example', client_id='portal', \
redirect_uri='https://portal.example/callback', scope='openid')
"""

from __future__ import annotations

import hmac
import json
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import cast
from urllib.parse import parse_qsl, urlsplit

import requests
from authlib.common.errors import AuthlibBaseError
from authlib.integrations.requests_client import OAuth2Session

from eid.errors import OAuthError, RequestRefused, Unavailable
from eid.keys import JSON, JwkSet, verify_jwt

_TIMEOUT_S = 10
_SKEW_S = 30
_MAX_ANSWER = 256 * 1024
_LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})


@dataclass(frozen=True, slots=True, kw_only=True)
class RelyingPartySettings:
    """What the provider's operator and the service agreed on at registration."""

    issuer: str
    client_id: str
    client_secret: str = field(repr=False)
    redirect_uri: str
    scope: str = "openid"


@dataclass(frozen=True, slots=True, kw_only=True)
class PendingLogin:
    """What the service keeps in the user's own session between the two steps."""

    state: str = field(repr=False)
    nonce: str = field(repr=False)
    code_verifier: str = field(repr=False)
    acr: str | None = None
    shown_after: int | None = None

    def to_json(self) -> str:
        """For a server-side session store."""
        return json.dumps(
            {
                "state": self.state,
                "nonce": self.nonce,
                "code_verifier": self.code_verifier,
                "acr": self.acr,
                "shown_after": self.shown_after,
            }
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Login:
    """A finished login: verified ID token claims, and the userinfo of the same subject."""

    claims: Mapping[str, JSON] = field(repr=False)
    userinfo: Mapping[str, JSON] = field(repr=False)


class RelyingParty:
    """One service at one provider. ``http`` is injectable for proxies and tests."""

    def __init__(
        self,
        settings: RelyingPartySettings,
        *,
        http: requests.Session | None = None,
        rng: Callable[[int], str] = secrets.token_urlsafe,
    ) -> None:
        self.settings = settings
        self._http = http or requests.Session()
        self._rng = rng
        self._metadata: Mapping[str, JSON] | None = None

    def begin(
        self,
        *,
        acr: str | None = None,
        scope: str | None = None,
        max_age: int | None = None,
        at: datetime | None = None,
    ) -> tuple[str, PendingLogin]:
        """The URL to send the browser to, and what to keep until it comes back.

        ``acr`` is asked for as an *essential* claim (Core §5.5.1.1): the login ends at that
        level or with ``unmet_authentication_requirements``. ``scope`` asks for less, or more,
        than the settings' for this one login. ``max_age`` is how many seconds before ``at``, the
        time now, the person may have shown the factors; 0 asks for them anew.

        Raises Unavailable when the provider does not answer, RequestRefused when its metadata
        is not that of the configured issuer.
        """
        if (max_age is None) is not (at is None):
            raise TypeError("max_age and at belong together")
        shown_after = None
        if max_age is not None and at is not None:
            shown_after = int(at.timestamp()) - max_age
        pending = PendingLogin(
            state=self._rng(32),
            nonce=self._rng(32),
            code_verifier=self._rng(48),
            acr=acr,
            shown_after=shown_after,
        )
        extra = {"nonce": pending.nonce}
        if max_age is not None:
            extra["max_age"] = str(max_age)
        if acr is not None:
            wanted = {"id_token": {"acr": {"essential": True, "value": acr}}}
            extra["claims"] = json.dumps(wanted, separators=(",", ":"))
        url, _ = self._session(scope=scope).create_authorization_url(
            self._endpoint("authorization_endpoint"),
            state=pending.state,
            code_verifier=pending.code_verifier,
            **extra,
        )
        return str(url), pending

    def complete(self, callback_url: str, pending: PendingLogin, *, at: datetime) -> Login:
        """Finish the login with the URL the browser was sent back to.

        Raises RequestRefused (``state``, ``iss``, a claim or the level does not fit),
        OAuthError (the provider said no), VerificationError (the ID token), Unavailable.
        """
        answer = dict(parse_qsl(urlsplit(callback_url).query, keep_blank_values=True))
        self._check_answer(answer, pending)
        token = self._redeem(callback_url, pending)
        claims = self._check_id_token(token, pending, at)
        userinfo = self._userinfo(str(token["access_token"]))
        if userinfo.get("sub") != claims["sub"]:
            raise RequestRefused("Userinfo speaks of another subject.", code="userinfo.subject")
        return Login(claims=claims, userinfo=userinfo)

    def _check_answer(self, answer: Mapping[str, str], pending: PendingLogin) -> None:
        if not hmac.compare_digest(answer.get("state", "").encode(), pending.state.encode()):
            raise RequestRefused("This answer belongs to another login.", code="rp.state")
        if answer.get("iss") != self.settings.issuer:
            raise RequestRefused("This answer is from another provider.", code="rp.issuer")
        if "error" in answer:
            description = answer.get("error_description", "The provider refused the login.")
            raise OAuthError(answer["error"][:64], description[:200])

    def _redeem(self, callback_url: str, pending: PendingLogin) -> Mapping[str, JSON]:
        try:
            token = self._session(state=pending.state).fetch_token(
                self._endpoint("token_endpoint"),
                authorization_response=callback_url,
                code_verifier=pending.code_verifier,
                timeout=_TIMEOUT_S,
            )
        except AuthlibBaseError as error:
            raise OAuthError(
                str(error.error), str(error.description or "The code was refused.")
            ) from error
        except requests.RequestException as error:
            raise Unavailable("The identity provider does not answer.", code="rp.http") from error
        return cast("Mapping[str, JSON]", token)

    def _check_id_token(
        self, token: Mapping[str, JSON], pending: PendingLogin, at: datetime
    ) -> Mapping[str, JSON]:
        keys = JwkSet.from_jwks(self._get_json(self._endpoint("jwks_uri")))
        claims = verify_jwt(
            str(token.get("id_token", "")),
            keys,
            typ="JWT",
            issuer=self.settings.issuer,
            audience=self.settings.client_id,
            at=at,
        )
        nonce = claims.get("nonce")
        if not isinstance(nonce, str) or not hmac.compare_digest(
            nonce.encode(), pending.nonce.encode()
        ):
            raise RequestRefused("The ID token belongs to another login.", code="rp.nonce")
        if pending.acr is not None and claims.get("acr") != pending.acr:
            raise RequestRefused("The login is not at the level asked for.", code="rp.acr")
        if pending.shown_after is not None:
            shown = claims.get("auth_time")
            if not isinstance(shown, int) or shown < pending.shown_after - _SKEW_S:
                raise RequestRefused("The login is older than it may be.", code="rp.auth_time")
        return claims

    def _userinfo(self, access_token: str) -> Mapping[str, JSON]:
        return self._get_json(
            self._endpoint("userinfo_endpoint"), {"Authorization": f"Bearer {access_token}"}
        )

    def _session(self, *, state: str | None = None, scope: str | None = None) -> OAuth2Session:
        return OAuth2Session(
            client_id=self.settings.client_id,
            client_secret=self.settings.client_secret,
            scope=scope or self.settings.scope,
            redirect_uri=self.settings.redirect_uri,
            code_challenge_method="S256",
            token_endpoint_auth_method="client_secret_basic",  # noqa: S106 — a method's name
            state=state,
        )

    def _endpoint(self, name: str) -> str:
        if self._metadata is None:
            self._metadata = self._discover()
        return str(self._metadata[name])

    def _discover(self) -> Mapping[str, JSON]:
        url = f"{self.settings.issuer}/.well-known/openid-configuration"
        metadata = self._get_json(url)
        if metadata.get("issuer") != self.settings.issuer:
            raise RequestRefused("The metadata names another issuer.", code="rp.metadata")
        for name in ("authorization_endpoint", "token_endpoint", "jwks_uri", "userinfo_endpoint"):
            _check_url(metadata.get(name))
        if metadata.get("authorization_response_iss_parameter_supported") is not True:
            raise RequestRefused("The provider does not send iss.", code="rp.metadata")
        return metadata

    def _get_json(self, url: str, headers: Mapping[str, str] | None = None) -> Mapping[str, JSON]:
        try:
            with self._http.get(
                url, headers=headers, timeout=_TIMEOUT_S, allow_redirects=False, stream=True
            ) as answer:
                body = answer.raw.read(_MAX_ANSWER + 1, decode_content=True)
                if answer.status_code != requests.codes.ok or len(body) > _MAX_ANSWER:
                    raise Unavailable("The identity provider gave no answer.", code="rp.http")
            value = json.loads(body)
        except (requests.RequestException, ValueError) as error:
            raise Unavailable("The identity provider does not answer.", code="rp.http") from error
        if not isinstance(value, dict):
            raise Unavailable("The identity provider's answer is no object.", code="rp.http")
        return cast("Mapping[str, JSON]", value)


def _check_url(url: JSON) -> None:
    """An endpoint is https, or http on loopback for development; never with a userinfo part."""
    parts = urlsplit(url if isinstance(url, str) else "")
    secure = parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in _LOOPBACK)
    if not secure or "@" in parts.netloc:
        raise RequestRefused("An endpoint of the provider is not https.", code="rp.metadata")
