"""The remote verifier of the settings, behind the provider's one door out (contracts §1, §7).

A request waits for it no longer than ``gateway.timeout_s``, whatever the other side does: slow
names, slow headers and slow bodies are left behind in a thread of their own, a few at a time.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from contextvars import copy_context
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from queue import Empty, SimpleQueue
from typing import Final

from eid.app.settings import Settings
from eid.chip.consulted import Gateway
from eid.chip.remote_gateway import SignedGateway
from eid.errors import Unavailable
from eid.oidc.outbound import Outbound, Watch, unwatched

PARALLEL: Final = 8
MAX_ANSWER: Final = 32 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Post:
    """Posts a question within ``timeout_s`` in all; Unavailable ``remote.timeout`` after it."""

    outbound: Outbound
    url: str
    timeout_s: float
    credential: str = field(default="", repr=False)
    _slots: threading.Semaphore = field(
        default_factory=lambda: threading.Semaphore(PARALLEL), repr=False
    )

    def __call__(self, body: bytes) -> bytes:
        """The body of the answer; Unavailable for everything else."""
        until = time.monotonic() + self.timeout_s
        if not self._slots.acquire(timeout=self.timeout_s):
            raise _timeout()
        answers: SimpleQueue[bytes | BaseException] = SimpleQueue()
        ask = partial(copy_context().run, self._ask, body, answers)
        threading.Thread(target=ask, name="eid-gateway", daemon=True).start()
        try:
            answer = answers.get(timeout=max(0.0, until - time.monotonic()))
        except Empty:
            raise _timeout() from None
        if isinstance(answer, BaseException):
            raise answer
        return answer

    def _ask(self, body: bytes, answers: SimpleQueue[bytes | BaseException]) -> None:
        try:
            answers.put(self.outbound.post_json(self.url, body, credential=self.credential))
        except BaseException as error:  # noqa: BLE001 - raised again where it is waited for
            answers.put(error)
        finally:
            self._slots.release()


def gateway_of(
    settings: Settings, *, clock: Callable[[], datetime], watch: Watch = unwatched
) -> Gateway | None:
    """The gateway that the settings name, if they do."""
    named = settings.gateway
    if named is None:
        return None
    outbound = Outbound(
        allowed_hosts=frozenset(settings.outbound_hosts),
        insecure_loopback=named.url.startswith("http://"),
        max_answer=MAX_ANSWER,
        timeout_s=named.timeout_s,
        total_s=named.timeout_s,
        watch=watch,
    )
    post = Post(
        outbound=outbound,
        url=named.url,
        timeout_s=named.timeout_s,
        credential=named.credential,
    )
    verifier = SignedGateway(
        post=post,
        keys=named.key_set(),
        issuer=named.issuer,
        audience=named.audience,
        clock=clock,
    )
    return Gateway(verifier=verifier, max_age_s=named.max_age_s)


def _timeout() -> Unavailable:
    return Unavailable("The remote verifier does not answer in time.", code="remote.timeout")
