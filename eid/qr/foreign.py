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
from typing import Literal, NamedTuple, TypeAlias

from eid.errors import FormatError, Inconsistent, SignatureInvalid, UntrustedIssuer
from eid.qr import algorithms
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Proof:
    """What a code says of its signature; ``alg`` is a name of `eid.qr.algorithms`.

    ``alg`` is ``None`` where the format leaves it to the key: ECDSA as ICAO binds it.
    """

    alg: str | None
    signature: bytes = field(repr=False)
    signed: bytes = field(repr=False)


class Named(NamedTuple):
    """What a code says of its signer, read before anything is proven."""

    kid: bytes
    issuer: str
    certificate: bytes | None = None


def signer_of(keys: IssuerKeys, kid: bytes, *, issuer: str, proof: Proof) -> IssuerKey:
    """The key named *kid* that made *proof* in the name of *issuer*; else as `signer_among`.

    ``UntrustedIssuer`` ``qr.kid_unknown``.
    """
    candidates = keys.candidates(kid)
    if not candidates:
        raise UntrustedIssuer("No trusted key has this name.", code="qr.kid_unknown")
    return signer_among(candidates, issuer=issuer, proof=proof)


def signer_among(
    candidates: tuple[IssuerKey, ...], *, issuer: str | None, proof: Proof
) -> IssuerKey:
    """The one of *candidates* that made *proof*.

    ``SignatureInvalid`` ``qr.alg`` when none has a key for its algorithm, or ``qr.signature``;
    ``Inconsistent`` ``qr.issuer_of_key``.
    """
    fitting = [
        (alg, key)
        for key in candidates
        if (alg := proof.alg or algorithms.ecdsa_of(key.public_key)) is not None
        and algorithms.fits(alg, key.public_key)
    ]
    if not fitting:
        raise SignatureInvalid("The code names another algorithm than its key has.", code="qr.alg")
    for alg, key in fitting:
        with contextlib.suppress(SignatureInvalid):
            algorithms.check(alg, key.public_key, proof.signature, proof.signed)
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
