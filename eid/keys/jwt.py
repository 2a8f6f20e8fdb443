"""JWS and JWT through one strict door (RFC 7515, 7519, 8725; facts/security §4).

Order: length, segments, base64url, JSON, header, ``typ``, key, algorithm of the key, signature;
only then the claims. FormatError for a malformed token, otherwise a VerificationError.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from datetime import datetime

from eid.errors import Expired, FormatError, RequestRefused, SignatureInvalid
from eid.keys.encoding import (
    JSON,
    canonical_json,
    decode_base64url,
    encode_base64url,
    parse_json_object,
)
from eid.keys.jwk import PublicKey
from eid.keys.jwks import JwkSet
from eid.keys.signing import SigningKey

MAX_TOKEN = 16 * 1024
MAX_HEADER = 2 * 1024
MAX_LEEWAY_S = 60
MAX_AUDIENCES = 16
MAX_DATE = 253_402_300_799
_REFUSED_HEADERS = ("crit", "b64", "zip", "enc")
_HALF_HASHES = {"256": hashlib.sha256, "384": hashlib.sha384, "512": hashlib.sha512}


def sign_jwt(claims: Mapping[str, JSON], key: SigningKey, *, typ: str) -> str:
    """A compact JWS of the claims; the header holds alg, kid and typ."""
    header = canonical_json({"alg": key.alg, "kid": key.kid, "typ": typ})
    message = f"{encode_base64url(header)}.{encode_base64url(canonical_json(claims))}"
    return f"{message}.{encode_base64url(key.sign(message.encode('ascii')))}"


def verify_jws(
    token: str, keys: JwkSet, *, typ: str | None, max_size: int = MAX_TOKEN
) -> dict[str, JSON]:
    """The payload of an authentic JWS. ``typ`` None means absent or ``JWT``.

    Says nothing of issuer, audience or time: use :func:`verify_jwt` for a token.
    """
    if len(token) > max_size:
        raise FormatError("The token is too long.", code="jws.size")
    segments = token.split(".", 3)
    if len(segments) != 3:
        raise FormatError("The token does not have three segments.", code="jws.form")
    if len(segments[0]) > MAX_HEADER:
        raise FormatError("The token's header is too long.", code="jws.size")
    header = parse_json_object(decode_base64url(segments[0]))
    _check_header(header, typ)
    key = _choose(header, keys)
    signature = decode_base64url(segments[2])
    key.verify(f"{segments[0]}.{segments[1]}".encode("ascii"), signature)
    return parse_json_object(decode_base64url(segments[1]), max_size=max_size)


def verify_jwt(  # noqa: PLR0913 - one door, every expectation named
    token: str,
    keys: JwkSet,
    *,
    typ: str | None,
    issuer: str,
    audience: str,
    at: datetime,
    leeway_s: int = 30,
    max_age_s: int | None = None,
) -> dict[str, JSON]:
    """The claims of a token from ``issuer`` for ``audience`` that is valid at ``at``.

    ``exp`` is required; times are whole seconds. ``max_age_s`` also asks for an ``iat`` no older
    than that. Expired, RequestRefused, SignatureInvalid or FormatError, each with its code.
    """
    if not 0 <= leeway_s <= MAX_LEEWAY_S or at.tzinfo is None:
        raise ValueError("leeway is 0 to 60 seconds and times are aware")
    claims = verify_jws(token, keys, typ=typ)
    if claims.get("iss") != issuer:
        raise RequestRefused("The token is from another issuer.", code="jwt.issuer")
    _check_audience(claims, audience)
    _check_times(claims, int(at.timestamp()), leeway_s, max_age_s)
    return claims


def half_hash(value: str, alg: str) -> str:
    """``at_hash`` or ``c_hash`` (OIDC Core §3.1.3.6); FormatError for an unknown algorithm."""
    digest = _HALF_HASHES.get(alg[2:]) if alg[:2] in {"ES", "RS", "PS"} else None
    digest = hashlib.sha512 if alg == "EdDSA" else digest  # the hash inside Ed25519
    if digest is None:
        raise FormatError("The hash of this algorithm is not known.", code="jwt.half_hash")
    whole = digest(value.encode("ascii")).digest()
    return encode_base64url(whole[: len(whole) // 2])


def check_half_hash(claim: JSON, value: str, alg: str) -> None:
    """RequestRefused unless ``claim`` is the half hash of ``value``."""
    if not isinstance(claim, str) or not claim.isascii():
        raise RequestRefused("The token names no hash.", code="jwt.half_hash")
    if not hmac.compare_digest(claim, half_hash(value, alg)):
        raise RequestRefused("The token is bound to another value.", code="jwt.half_hash")


def _check_header(header: Mapping[str, JSON], typ: str | None) -> None:
    if any(name in header for name in _REFUSED_HEADERS):
        raise FormatError("The token's header asks for an extension.", code="jws.extension")
    given = header.get("typ")
    if typ is None:
        if given is not None and (not isinstance(given, str) or given.upper() != "JWT"):
            raise RequestRefused("The token is of another kind.", code="jws.type")
    elif given != typ:
        raise RequestRefused("The token is of another kind.", code="jws.type")


def _choose(header: Mapping[str, JSON], keys: JwkSet) -> PublicKey:
    kid = header.get("kid")
    if kid is None and len(keys.keys) == 1:
        key = next(iter(keys.keys.values()))
    elif isinstance(kid, str) and kid in keys.keys:
        key = keys.keys[kid]
    else:
        raise SignatureInvalid("The token names no known key.", code="jws.key")
    if header.get("alg") != key.alg:
        raise SignatureInvalid("The algorithm is not the key's.", code="jws.algorithm")
    return key


def _check_audience(claims: Mapping[str, JSON], audience: str) -> None:
    given = claims.get("aud")
    named = [given] if isinstance(given, str) else given
    if (
        not isinstance(named, list)
        or len(named) > MAX_AUDIENCES
        or not all(isinstance(name, str) for name in named)
        or audience not in named
    ):
        raise RequestRefused("The token is for another audience.", code="jwt.audience")
    authorized = claims.get("azp", audience if len(named) == 1 else None)
    if authorized != audience:
        raise RequestRefused("The token is for another party.", code="jwt.authorized_party")


def _check_times(
    claims: Mapping[str, JSON], now: int, leeway_s: int, max_age_s: int | None
) -> None:
    expires = _date(claims, "exp", required=True)
    issued = _date(claims, "iat", required=max_age_s is not None)
    start = _date(claims, "nbf", required=False)
    if expires is None or now >= expires + leeway_s:
        raise Expired("The token has expired.", code="jwt.expired")
    if any(date is not None and date > now + leeway_s for date in (issued, start)):
        raise RequestRefused("The token is not valid yet.", code="jwt.not_yet")
    if max_age_s is not None and issued is not None and now - issued > max_age_s + leeway_s:
        raise Expired("The token is too old.", code="jwt.age")


def _date(claims: Mapping[str, JSON], name: str, *, required: bool) -> int | None:
    value = claims.get(name)
    if value is None and name not in claims and not required:
        return None
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= MAX_DATE:
        raise FormatError("A time in the token is missing or malformed.", code="jwt.time")
    return value
