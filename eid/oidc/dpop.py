"""Demonstrating Proof of Possession (RFC 9449): a proof per request, by a key of the client's own.

A proof counts for a minute by its own clock, or for as long as the nonce in it is fresh. Each is
used once: its ``jti`` is kept in the shared store for longer than it can be valid.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from urllib.parse import urlsplit

from eid.errors import EidError, FormatError, OAuthError
from eid.keys import (
    JSON,
    JwkSet,
    PublicKey,
    decode_base64url,
    encode_base64url,
    parse_json_object,
    thumbprint,
    verify_jws,
)
from eid.oidc.assertion import ALGORITHMS
from eid.oidc.client import Client
from eid.oidc.errors import DPOP_ALGORITHMS
from eid.oidc.handles import key_of
from eid.oidc.http import Request
from eid.oidc.ports import Grant
from eid.oidc.provider import Provider
from eid.oidc.settings import origin_of

PROOF_TYP = "dpop+jwt"
MAX_PROOF = 4096
MAX_JTI = 256
SKEW_S = 60
NONCE_S = 300
KEPT_S = NONCE_S + 2 * SKEW_S
_STEP_S = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """The request that a proof must be for, and the access token that it goes with."""

    method: str
    url: str
    access_token: str | None = field(default=None, repr=False)


def algorithms_of(client: Client) -> Collection[str]:
    """What its proofs may be signed with: FAPI 2.0 allows fewer (§5.4.1)."""
    return ALGORITHMS["fapi2"] if client.profile == "fapi2" else DPOP_ALGORITHMS


def proven_key(
    provider: Provider,
    request: Request,
    target: Target,
    *,
    algorithms: Collection[str],
    at: datetime,
) -> str | None:
    """The thumbprint of the key that the request proves to hold; None without a proof.

    OAuthError ``invalid_dpop_proof``, or ``use_dpop_nonce`` where a nonce would help.
    """
    if request.dpop is None:
        return None
    try:
        claims, jkt = _opened(request.dpop, algorithms)
    except OAuthError:
        raise
    except EidError as error:
        raise refused("The DPoP proof is malformed or its signature does not hold.") from error
    _check_target(claims, target)
    _check_time(provider, claims, at=at)
    jti = claims.get("jti")
    if not isinstance(jti, str) or not 0 < len(jti) <= MAX_JTI:
        raise refused("The DPoP proof has no usable jti.")
    seen = Grant(
        kind="jti",
        key=key_of(f"dpop:{jkt}:{jti}"),
        payload={},
        expires_at=at + timedelta(seconds=KEPT_S),
    )
    if not provider.grants.claim(seen):
        raise refused("The DPoP proof was used before.")
    return jkt


def new_nonce(provider: Provider, *, at: datetime) -> str:
    """A nonce that any node can check without having kept it."""
    step = (int(at.timestamp()) // _STEP_S).to_bytes(5)
    return encode_base64url(step + _mac(provider, step))


def is_fresh_nonce(provider: Provider, nonce: str, *, at: datetime) -> bool:
    """Whether the nonce is one of ours and at most five minutes old."""
    try:
        raw = decode_base64url(nonce)
    except FormatError:
        return False
    step, mac = raw[:5], raw[5:]
    age = int(at.timestamp()) - int.from_bytes(step) * _STEP_S
    return hmac.compare_digest(mac, _mac(provider, step)) and -SKEW_S <= age <= NONCE_S


def token_hash(access_token: str) -> str:
    """The ``ath`` of an access token (§4.2)."""
    return encode_base64url(hashlib.sha256(access_token.encode()).digest())


def refused(description: str) -> OAuthError:
    """The proof is not one."""
    return OAuthError("invalid_dpop_proof", description)


def _opened(proof: str, algorithms: Collection[str]) -> tuple[Mapping[str, JSON], str]:
    """Claims and key of a proof whose signature holds under the key in its own header (§4.3)."""
    if len(proof) > MAX_PROOF or proof.count(".") != 2:
        raise refused("The DPoP proof is too long, or there is more than one.")
    header = parse_json_object(decode_base64url(proof.partition(".")[0]))
    jwk, alg, kid = header.get("jwk"), header.get("alg"), header.get("kid")
    if not isinstance(jwk, Mapping) or alg not in algorithms:
        raise refused("The DPoP proof names no key, or an algorithm that is not allowed.")
    named: dict[str, JSON] = {**jwk, "alg": alg} if jwk.get("kty") == "RSA" else dict(jwk)
    named["kid"] = kid if isinstance(kid, str) else "proof"
    key = PublicKey.from_jwk(named)
    return verify_jws(proof, JwkSet.of(key), typ=PROOF_TYP), thumbprint(jwk)


def _check_target(claims: Mapping[str, JSON], target: Target) -> None:
    htm, htu = claims.get("htm"), claims.get("htu")
    if htm != target.method or not isinstance(htu, str):
        raise refused("The DPoP proof is for another method.")
    if _plain(htu) != _plain(target.url):
        raise refused("The DPoP proof is for another address.")
    ath = claims.get("ath")
    if target.access_token is None:
        return
    expected = token_hash(target.access_token)
    if not isinstance(ath, str) or not hmac.compare_digest(ath.encode(), expected.encode()):
        raise refused("The DPoP proof is for another access token.")


def _check_time(provider: Provider, claims: Mapping[str, JSON], *, at: datetime) -> None:
    nonce, issued, now = claims.get("nonce"), claims.get("iat"), int(at.timestamp())
    if not isinstance(issued, int) or isinstance(issued, bool):
        raise refused("The DPoP proof has no usable iat.")
    for name, sign in (("exp", 1), ("nbf", -1)):
        limit = claims.get(name)
        if limit is not None and (not isinstance(limit, int) or sign * (limit - now) < -SKEW_S):
            raise refused(f"The DPoP proof's {name} does not hold.")
    if isinstance(nonce, str) and is_fresh_nonce(provider, nonce, at=at):
        return
    required = provider.settings.dpop_nonce_required
    if nonce is not None or required or abs(now - issued) > SKEW_S:
        raise OAuthError(
            "use_dpop_nonce",
            "The DPoP proof needs the nonce of this answer.",
            dpop_nonce=new_nonce(provider, at=at),
        )


def _plain(url: str) -> tuple[str, str]:
    """An address without query and fragment, its host and port normalised (§4.3)."""
    try:
        return origin_of(url), urlsplit(url).path or "/"
    except ValueError:
        return "", url


def _mac(provider: Provider, step: bytes) -> bytes:
    return hmac.digest(provider.keys.nonces, b"dpop-nonce" + step, "sha256")[:16]
