"""The agent's two calls to the provider: its keys, and the evidence it receives (card login 4).

Both go to pinned addresses only, follow no redirect, use no proxy from the environment, and are
bounded in size and time.
"""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable, Mapping
from datetime import datetime

import requests

from eid.chip.evidence import MAX_BYTES, Evidence
from eid.errors import FormatError, RequestRefused, Unavailable
from eid.keys import JSON, JwkSet, canonical_json, encrypt_jwe, parse_json_object
from eid.kiosk.identity import Identity
from eid.kiosk.request import CardRequest
from eid.kiosk.settings import PinnedIssuer

EVIDENCE_TYP = "eid-evidence+jwe"
_MAX_KEYS = 64 * 1024
_MAX_ANSWER = 4 * 1024
_TIMEOUT = (3.05, 10.0)
_TOTAL_S = 20.0
_KEYS_FRESH_S = 300.0
_HANDLE = re.compile(r"[A-Za-z0-9_-]{16,256}")


class IssuerKeys:
    """The pinned issuers' key sets, fetched when needed and kept for five minutes."""

    def __init__(self, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._kept: dict[str, tuple[float, JwkSet]] = {}

    def __call__(self, pinned: PinnedIssuer, *, max_age_s: float = _KEYS_FRESH_S) -> JwkSet:
        """The issuer's key set, not older than ``max_age_s``; Unavailable when it cannot be had."""
        with self._lock:
            kept = self._kept.get(pinned.issuer)
            if kept is not None and self._clock() - kept[0] < max_age_s:
                return kept[1]
            keys = fetch_keys(pinned)
            self._kept[pinned.issuer] = (self._clock(), keys)
            return keys


def fetch_keys(pinned: PinnedIssuer) -> JwkSet:
    """Fetch the JWK set from the pinned address."""
    status, body = exchange("GET", pinned.jwks_uri, cap=_MAX_KEYS)
    if status != 200:
        raise Unavailable("The provider's keys cannot be had now.", code="agent.provider_keys")
    try:
        return JwkSet.from_jwks(parse_json_object(body, max_size=_MAX_KEYS))
    except FormatError as e:
        raise Unavailable("The provider's keys are not usable.", code="agent.provider_keys") from e


def seal(
    evidence: Evidence,
    request: CardRequest,
    keys: JwkSet,
    *,
    identity: Identity | None = None,
    at: datetime | None = None,
) -> str:
    """Encrypt the evidence to the provider's key, together with the request it answers.

    On a kiosk that is enrolled at this provider the kiosk's own signature goes with it.
    """
    content: dict[str, JSON] = {
        "jti": request.jti,
        "evidence": parse_json_object(evidence.to_json(), max_size=MAX_BYTES),
    }
    if identity is not None and identity.issuer == request.issuer and at is not None:
        content["kiosk"] = identity.statement(evidence, request.jti, at=at)
        content["kiosk_id"] = identity.id
    try:
        return encrypt_jwe(canonical_json(content), keys.encryption_jwk(), typ=EVIDENCE_TYP)
    except FormatError as e:
        raise Unavailable("The provider's keys are not usable.", code="agent.provider_keys") from e


def deliver(sealed: str, request: CardRequest) -> str:
    """Post sealed evidence and return the one-time handle; each try is a new fact, never repeated.

    RequestRefused (``agent.evidence_refused``) when the provider says no, Unavailable when it does
    not answer as it should.
    """
    status, body = exchange(
        "POST",
        request.evidence_uri,
        cap=_MAX_ANSWER,
        form={"evidence": sealed, "jti": request.jti},
    )
    if 400 <= status < 500:
        raise RequestRefused(
            "The provider did not take the evidence.", code="agent.evidence_refused"
        )
    if status != 200:
        raise Unavailable("The provider cannot take evidence now.", code="agent.provider_answer")
    try:
        handle = parse_json_object(body, max_size=_MAX_ANSWER).get("handle")
    except FormatError as e:
        raise Unavailable("The provider's answer is garbled.", code="agent.provider_answer") from e
    if not isinstance(handle, str) or not _HANDLE.fullmatch(handle):
        raise Unavailable("The provider's answer is garbled.", code="agent.provider_answer")
    return handle


def exchange(
    method: str, uri: str, *, cap: int, form: Mapping[str, str] | None = None
) -> tuple[int, bytes]:
    """One bounded call, without redirects or proxies; Unavailable when nobody answers."""
    deadline = time.monotonic() + _TOTAL_S
    try:
        with requests.Session() as session:
            session.trust_env = False
            with session.request(
                method,
                uri,
                data=form,
                headers={"Accept": "application/json", "User-Agent": "eid-agent"},
                timeout=_TIMEOUT,
                allow_redirects=False,
                stream=True,
            ) as response:
                return response.status_code, _bounded(response, cap, deadline)
    except requests.RequestException as e:
        raise Unavailable(
            "The provider cannot be reached.", code="agent.provider_unreachable"
        ) from e


def _bounded(response: requests.Response, cap: int, deadline: float) -> bytes:
    body = bytearray()
    for chunk in response.iter_content(4096):
        body += chunk
        if len(body) > cap or time.monotonic() > deadline:
            raise Unavailable("The provider's answer is too long.", code="agent.provider_answer")
    return bytes(body)
