"""Everything a software card holds, as one value and as a test-card file (JSON).

A test-card file holds private keys of a card that does not exist; it is still written with mode
0600, because it carries a whole (fictional) identity.

>>> image = CardImage(files={"EF.COM": bytes(2)}, can="123456")
>>> CardImage.from_json(image.to_json()) == image
True
"""

from __future__ import annotations

import json
from base64 import b64decode, b64encode
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Self

from cryptography.hazmat.primitives.asymmetric import ec as pyca_ec, rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
)

from eid.errors import FormatError
from eid.testing.chip_traits import PLAIN, Traits

MAX_JSON: Final = 1 << 20
DEFAULT_ATR: Final = bytes.fromhex("3b80800101")
_VERSION: Final = 2
_TEXTS: Final = ("can", "pin", "puk", "mrz_information")
_BLOBS: Final = ("aa_private_key", "cvca")
_MEMBERS: Final = frozenset(
    {"version", "files", "ca_private_keys", "atr", "traits", *_TEXTS, *_BLOBS}
)


@dataclass(frozen=True, slots=True, kw_only=True)
class CardImage:
    """Files by name (``EF.DG1`` …), passwords and private keys of one software card.

    ``aa_private_key`` is PKCS#8 DER, ``ca_private_keys`` the scalars of the Chip Authentication
    keys in their order, ``mrz_information`` number, birth and expiry with check digits, ``cvca``
    the certificate that Terminal Authentication starts from; what is empty is absent.
    """

    files: Mapping[str, bytes] = field(repr=False)
    can: str = field(default="", repr=False)
    pin: str = field(default="", repr=False)
    puk: str = field(default="", repr=False)
    mrz_information: str = field(default="", repr=False)
    aa_private_key: bytes = field(default=b"", repr=False)
    ca_private_keys: tuple[int, ...] = field(default=(), repr=False)
    cvca: bytes = field(default=b"", repr=False)
    traits: Traits = PLAIN
    atr: bytes = DEFAULT_ATR

    def to_json(self) -> bytes:
        """Write the test-card file."""
        members = {
            "version": _VERSION,
            "files": {name: _text(content) for name, content in sorted(self.files.items())},
            "ca_private_keys": [f"{key:x}" for key in self.ca_private_keys],
            "traits": self.traits.to_members(),
            "atr": self.atr.hex(),
        }
        members |= {name: getattr(self, name) for name in _TEXTS}
        members |= {name: _text(getattr(self, name)) for name in _BLOBS}
        return json.dumps(members, separators=(",", ":")).encode()

    @classmethod
    def from_json(cls, data: bytes) -> Self:
        """Read a test-card file; anything else is a FormatError."""
        if len(data) > MAX_JSON:
            raise FormatError("The test card file is too big.", code="testcard.size")
        try:
            return cls._from_members(json.loads(data))
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as e:
            raise FormatError("This is not a test card file.", code="testcard.format") from e

    @classmethod
    def _from_members(cls, members: dict[str, object]) -> Self:
        if members.keys() != _MEMBERS or members["version"] != _VERSION:
            raise ValueError("members")
        files, keys, traits = members["files"], members["ca_private_keys"], members["traits"]
        if not (isinstance(files, dict) and isinstance(keys, list) and isinstance(traits, dict)):
            raise TypeError("files")
        can, pin, puk, mrz_information = (_string(members[name]) for name in _TEXTS)
        return cls(
            files={str(name): _bytes(content) for name, content in files.items()},
            can=can,
            pin=pin,
            puk=puk,
            mrz_information=mrz_information,
            aa_private_key=_bytes(members["aa_private_key"]),
            ca_private_keys=tuple(int(_string(key), 16) for key in keys),
            cvca=_bytes(members["cvca"]),
            traits=Traits.from_members(traits),
            atr=bytes.fromhex(_string(members["atr"])),
        )


def private_key_der(key: rsa.RSAPrivateKey | pyca_ec.EllipticCurvePrivateKey) -> bytes:
    """Write a private key as unencrypted PKCS#8 DER."""
    return key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())


def _text(content: bytes) -> str:
    return b64encode(content).decode("ascii")


def _string(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError("string")
    return value


def _bytes(value: object) -> bytes:
    return b64decode(_string(value), validate=True)
