"""The card agent of `eid serve --dev`: software cards in the provider's own process.

It goes the whole way of a real one: it checks the request, reads the card of whoever is chosen
over the request's challenge, and delivers sealed evidence.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlencode

from eid.errors import EidError

if TYPE_CHECKING:
    import falcon

    from eid.oidc.provider import Provider
    from eid.testing.card_image import CardImage


@dataclass(frozen=True, slots=True)
class Agent:
    """A card agent in the provider's own process, with the card of whoever is chosen."""

    provider: Provider
    images: Mapping[str, CardImage]

    def on_post(self, req: falcon.Request, resp: falcon.Response) -> None:
        """``POST /card``: the page where a card is chosen, then the read and the way back."""
        resp.content_type = "text/html; charset=utf-8"
        resp.set_header("Content-Security-Policy", "default-src 'none'; form-action 'self'")
        try:
            self._answer(req.bounded_stream.read(1 << 15), resp)
        except EidError as error:
            resp.status = 400
            resp.text = f"<p>The card cannot be read: <code>{error.code}</code></p>"

    def _answer(self, body: bytes, resp: falcon.Response) -> None:
        from eid.oidc.http import parse_parameters

        form = parse_parameters(body.decode("ascii", "replace"), limits={"request": 1 << 14})
        request, number = form.get("request") or "", form.get("number")
        if number is None or number not in self.images:
            resp.text = _chooser(request, list(self.images))
            return
        location = self._read(request, self.images[number])
        resp.status = 303
        resp.set_header("Location", location)

    def _read(self, request: str, image: CardImage) -> str:
        """Read the software card over the request's challenge and deliver; where to go back."""
        from eid.chip.access import can_from_number, personal_number
        from eid.chip.plan import PLANS
        from eid.chip.read import read
        from eid.keys import (
            JwkSet,
            canonical_json,
            decode_base64url,
            encrypt_jwe,
            parse_json_object,
            verify_jwt,
        )
        from eid.oidc.card_login import EVIDENCE_TYP, receive
        from eid.oidc.card_request import AUDIENCE, REQUEST_TYP
        from eid.oidc.http import Parameters
        from eid.testing.softcard import SoftwareCard

        at = self.provider.clock()
        asked = verify_jwt(
            request,
            JwkSet.of(self.provider.keys.card_requests),
            typ=REQUEST_TYP,
            issuer=self.provider.settings.issuer,
            audience=AUDIENCE,
            at=at,
        )
        number = next(name for name, known in self.images.items() if known is image)
        evidence = read(
            SoftwareCard(image),
            can_from_number(personal_number(number)),
            plan=PLANS[str(asked["plan"])],
            challenge=decode_base64url(str(asked["challenge"])),
            challenge_source="verifier",
            at=at,
        )
        content = canonical_json(
            {"jti": asked["jti"], "evidence": parse_json_object(evidence.to_json())}
        )
        recipient = self.provider.keys.evidence.public_jwk()
        sealed = encrypt_jwe(content, recipient, typ=EVIDENCE_TYP)
        form = Parameters(values={"jti": str(asked["jti"]), "evidence": sealed})
        handle = receive(self.provider, form, at=at)
        return f"{asked['return_uri']}?{urlencode({'handle': handle})}"


def _chooser(request: str, numbers: list[str]) -> str:
    from html import escape

    buttons = "".join(
        f'<button name="number" value="{number}">level{level}: {number}</button>'
        for level, number in enumerate(numbers)
    )
    field = f'<input type="hidden" name="request" value="{escape(request)}">'
    return (
        '<!doctype html><html lang="en"><title>Development card agent</title>'
        f'<form id="choose" method="post" action="/card">{field}{buttons}</form></html>'
    )
