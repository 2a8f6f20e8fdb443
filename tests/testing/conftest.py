"""A terminal of few words for the software card: access by the library, then commands as given."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from eid.chip import bac, pace
from eid.chip.access import AccessKey, Can, MrzKey
from eid.chip.apdu import Command, Response
from eid.chip.lds.security_infos import parse_security_infos
from eid.chip.messaging import SecureMessaging
from eid.testing.authority import DocumentAuthority
from eid.testing.card_image import CardImage
from eid.testing.people import PEOPLE
from eid.testing.personalise import personalise
from eid.testing.profiles import PROFILES, Profile
from eid.testing.softcard import SoftwareCard

APPLICATION = bytes.fromhex("A0000002471001")


@dataclass
class Talk:
    """One conversation with a card."""

    card: SoftwareCard
    image: CardImage
    session: SecureMessaging | None = None
    pace: pace.PaceSession | None = field(default=None, repr=False)

    def plain(self, command: Command) -> Response:
        return Response.parse(self.card.transmit(command.encode(extended=not command.short)))

    def chained(self, command: Command) -> Response:
        response = self.plain(command)
        data = response.data
        while response.sw >> 8 == 0x61:
            response = self.plain(Command(0, 0xC0, 0, 0, le=response.sw & 0xFF or 256))
            data += response.data
        return Response(data, response.sw)

    def __call__(self, command: Command) -> Response:
        if self.session is None:
            return self.chained(command)
        return self.session.open(self.chained(self.session.protect(command)))

    def open(self, key: AccessKey | None = None) -> Talk:
        """Run PACE as the card offers it first, with its CAN unless told otherwise."""
        infos = parse_security_infos(self.image.files["EF.CardAccess"])
        offer = pace.offer_of(infos.pace[0], infos)
        assert offer is not None
        self.pace = pace.run(self, offer, key or Can(self.image.can))
        self.session = self.pace.messaging
        return self

    def open_bac(self) -> Talk:
        number, rest = self.image.mrz_information[:-15], self.image.mrz_information[-14:]
        key = MrzKey(document_number=number.rstrip("<"), birth=rest[:6], expiry=rest[7:13])
        self.session = bac.establish(self, key)
        return self

    def select(self) -> Talk:
        assert self(Command(0, 0xA4, 4, 0x0C, APPLICATION)).sw == 0x9000
        return self

    def read(self, sfi: int, *, offset: int = 0, le: int = 200) -> Response:
        return self(Command(0, 0xB0, 0x80 | sfi, offset, le=le))


Make = Callable[..., Talk]


@pytest.fixture
def talk(authority: DocumentAuthority, at: datetime, aa_key: rsa.RSAPrivateKey) -> Make:
    """``talk(profile or name or image, *faults)``: a new card and a conversation with it."""

    def make(kind: Profile | CardImage | str, *faults: str, **options: object) -> Talk:
        profile = PROFILES[kind] if isinstance(kind, str) else kind
        image = profile
        if isinstance(profile, Profile):
            key = aa_key if profile.active == "rsa-2048" else None
            image = personalise(
                PEOPLE["thu"], authority, at=at, profile=profile, aa_private_key=key
            )
        assert isinstance(image, CardImage)
        return Talk(SoftwareCard(image, faults=faults, **options), image)

    return make
