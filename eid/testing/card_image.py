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

MAX_JSON: Final = 1 << 20
DEFAULT_ATR: Final = bytes.fromhex("3b80800101")
_VERSION: Final = 1
_MEMBERS: Final = frozenset(
    {"version", "files", "can", "mrz_information", "aa_private_key", "ca_private_key", "atr"}
)


@dataclass(frozen=True, slots=True, kw_only=True)
class CardImage:
    """Files by name (``EF.DG1`` …), passwords and private keys of one software card.

    ``aa_private_key`` is PKCS#8 DER, ``ca_private_key`` the scalar of DG14's public key,
    ``mrz_information`` number, birth and expiry with check digits; empty or 0 is absent.
    """

    files: Mapping[str, bytes] = field(repr=False)
    can: str = field(repr=False)
    mrz_information: str = field(default="", repr=False)
    aa_private_key: bytes = field(default=b"", repr=False)
    ca_private_key: int = field(default=0, repr=False)
    atr: bytes = DEFAULT_ATR

    def to_json(self) -> bytes:
        """Write the test-card file."""
        members = {
            "version": _VERSION,
            "files": {name: _text(content) for name, content in sorted(self.files.items())},
            "can": self.can,
            "mrz_information": self.mrz_information,
            "aa_private_key": _text(self.aa_private_key),
            "ca_private_key": f"{self.ca_private_key:x}",
            "atr": self.atr.hex(),
        }
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
        files = members["files"]
        if not isinstance(files, dict):
            raise TypeError("files")
        return cls(
            files={str(name): _bytes(content) for name, content in files.items()},
            can=_string(members["can"]),
            mrz_information=_string(members["mrz_information"]),
            aa_private_key=_bytes(members["aa_private_key"]),
            ca_private_key=int(_string(members["ca_private_key"]), 16),
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
