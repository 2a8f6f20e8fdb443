"""Codes that others issue: one value for all, one way to trust (facts: other formats to read).

A reader of such a code parses it strictly, finds the key in the same `IssuerKeys` as for our own
credentials, and gives a `ForeignCode`. Its content is as the issuer signed it: read it with the
format's own documentation, and escape it where it is shown.
"""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal, TypeAlias

from eid.errors import FormatError, Inconsistent, SignatureInvalid, UntrustedIssuer
from eid.qr import cose
from eid.qr.issuers import IssuerKey, IssuerKeys

ForeignKind: TypeAlias = Literal["dcc", "shc", "idb", "vds", "vds_nc"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ForeignCode:
    """A code whose signature, issuer and times hold. Its bearer need not be its holder."""

    kind: ForeignKind
    issuer: str
    key: IssuerKey
    issued_at: datetime | None
    expires_at: datetime | None
    content: Mapping[str, object] = field(repr=False)


def signer_of(
    keys: IssuerKeys, kid: bytes, *, issuer: str, signature: bytes, signed: bytes
) -> IssuerKey:
    """The key named *kid* that made an ES256 *signature* (r‖s) in the name of *issuer*.

    ``UntrustedIssuer`` ``qr.kid_unknown``; ``SignatureInvalid`` ``qr.alg`` or ``qr.signature``;
    ``Inconsistent`` ``qr.issuer_of_key``.
    """
    candidates = keys.candidates(kid)
    if not candidates:
        raise UntrustedIssuer("No trusted key has this name.", code="qr.kid_unknown")
    fitting = [key for key in candidates if cose.algorithm(key.public_key) == cose.ES256]
    if not fitting:
        raise SignatureInvalid("The code names another algorithm than its key has.", code="qr.alg")
    for key in fitting:
        with contextlib.suppress(SignatureInvalid):
            cose.check_signature(key.public_key, cose.ES256, signature, signed)
            if key.issuer != issuer:
                raise Inconsistent(
                    "The code names another issuer than the one its key belongs to.",
                    code="qr.issuer_of_key",
                )
            return key
    raise SignatureInvalid("The signature does not verify.", code="qr.signature")


def refuse(what: str) -> FormatError:
    """The error of a text that is no code of this kind."""
    return FormatError(f"The code is no readable {what}.", code="qr.foreign")
