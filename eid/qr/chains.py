"""Signers of foreign codes by their certificates, up to a pinned authority (9303-12 §6; 9303-13 §6).

>>> sorted(NAMED)
['dcc', 'idb', 'vds', 'vds_nc']

A code carries its signer's certificate (VDS-NC, some RDB1) or names one in ``ds/`` of the trust folder
(HC1, VDS, RDB1). The certificate counts if it leads to an authority in ``csca/``, is made for signing
codes, is not revoked and valid now, and if the code was signed in its time. SMART Health Cards have
keys instead of certificates: name these in a trust list.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import UTC, datetime, time
from types import MappingProxyType
from typing import Final

from eid import tlv
from eid.chip.checks.countries import same_country
from eid.errors import Expired, Inconsistent, VerificationError
from eid.qr import dcc, idb, vds, vds_nc
from eid.qr.algorithms import read_key
from eid.qr.foreign import ForeignCode, Named, refuse
from eid.qr.issuers import IssuerKey, IssuerKeys
from eid.qr.read_foreign import READERS
from eid.trust.certificates import Certificate, parse_certificate
from eid.trust.path import Moment, build_chain, revocation_state, usage_end
from eid.trust.profile import EXTENDED_KEY_USAGE, check_contents, is_authority, key_usage
from eid.trust.store import TrustStore

CODE_SIGNING: Final = frozenset({
    *(f"1.3.6.1.4.1.{arc}1847.2021.1.{use}" for arc in ("", "0.") for use in (1, 2, 3)),
    "2.23.136.1.1.14.2",
})  # fmt: skip
"""Extended key usages of code signers: tests, vaccinations and recoveries of HC1; VDS-NC."""

_DIGITAL_SIGNATURE, _KEY_CERT_SIGN, _CRL_SIGN = 0, 5, 6
_COMMON_NAME: Final = "2.5.4.3"


def _text(read: Callable[[str], Named]) -> Callable[[bytes], Named]:
    def named(code: bytes) -> Named:
        try:
            return read(code.decode())
        except UnicodeDecodeError as e:
            raise refuse("text") from e

    return named


NAMED: Final[Mapping[str, Callable[[bytes], Named]]] = MappingProxyType(
    {
        "dcc": _text(dcc.named_signer),
        "idb": _text(idb.named_signer),
        "vds": vds.named_signer,
        "vds_nc": _text(vds_nc.named_signer),
    }
)
"""Kind → what a code says of its signer."""


def verify_chained(
    code: bytes,
    *,
    kind: str,
    keys: IssuerKeys,
    store: TrustStore,
    at: datetime,
    max_age_s: int | None = None,
) -> ForeignCode:
    """As the reader of *kind*, also for signers whose certificate leads to an anchor of *store*.

    Listed *keys* of that name come first, and a listed key that is denied stays denied under any
    name.
    ``VerificationError`` with a ``chain.`` code for a certificate that does not count.
    """
    read = READERS[kind]
    if kind not in NAMED:
        return read(code, keys, at, max_age_s)
    named = NAMED[kind](code)
    if keys.candidates(named.kid):
        return read(code, keys, at, max_age_s)
    signers = _usable(_certificates(kind, named, store), store, at)
    made = [(_key(kind, named, signer, keys), signer) for signer in signers]
    both = IssuerKeys.of([*keys.keys, *(key for key, _ in made)])
    found = read(code, both, at, max_age_s)
    for key, signer in made:
        if key is found.key:
            _check_signed(found.issued_at, signer)
    return found


def check_code_signer(certificate: Certificate) -> None:
    """What a signer of codes must be: no authority, may sign, made for nothing else."""
    check_contents(certificate)
    bits = key_usage(certificate)
    if is_authority(certificate) or _DIGITAL_SIGNATURE not in bits:
        raise Inconsistent("The signer may not sign codes.", code="chain.key_usage")
    if bits & {_KEY_CERT_SIGN, _CRL_SIGN}:
        raise Inconsistent("The signer may not sign codes.", code="chain.key_usage")
    extended = certificate.extensions.get(EXTENDED_KEY_USAGE)
    if extended is None:
        return
    uses = {use.oid() for use in tlv.children(tlv.parse(extended.value, ber=True), ber=True)}
    if not uses or not uses <= CODE_SIGNING:
        raise Inconsistent("The signer is made for another use.", code="chain.key_usage")


def _certificates(kind: str, named: Named, store: TrustStore) -> Iterator[Certificate]:
    if named.certificate is not None:
        certificate = parse_certificate(named.certificate)
        if _is_named(kind, named.kid, certificate):
            yield certificate
        return
    for certificate in store.signers:
        if _is_named(kind, named.kid, certificate):
            yield certificate


def _is_named(kind: str, kid: bytes, certificate: Certificate) -> bool:
    """Whether codes of this kind call *certificate* by that name."""
    match kind:
        case "idb":
            # the reference is a name that others gave out, not a proof
            return hashlib.sha1(certificate.raw, usedforsecurity=False).digest()[-5:] == kid
        case "vds":
            signer, reference = kid[:4].decode("ascii"), kid[4:].decode("ascii")
            return f"{certificate.serial:X}" == reference.lstrip("0") and signer == (
                certificate.subject.country + _common_name(certificate)
            )
        case _:
            return certificate.fingerprint[:16] == kid.hex()


def _common_name(certificate: Certificate) -> str:
    names = [
        value for part in certificate.subject.parts for oid, value in part if oid == _COMMON_NAME
    ]
    return names[0].upper() if len(names) == 1 else ""


def _usable(
    certificates: Iterable[Certificate], store: TrustStore, at: datetime
) -> tuple[Certificate, ...]:
    """Those that lead to an anchor now; the last one's error if none of several does."""
    usable: list[Certificate] = []
    refusal: VerificationError | None = None
    for certificate in certificates:
        try:
            moment = Moment(at=at, basis="now")
            chain = build_chain(certificate, store, moment=moment, profile=check_code_signer)
            revocation_state(chain, store, at=at)
            usable.append(certificate)
        except VerificationError as e:
            refusal = e
    if refusal is not None and not usable:
        raise refusal
    return tuple(usable)


def _key(kind: str, named: Named, signer: Certificate, keys: IssuerKeys) -> IssuerKey:
    """The signer's key, in the code's own name for its country if that is the certificate's.

    What is denied of the same key under any name is denied here: a certificate can be written in
    more than one way (an ECDSA signature has a twin), and then has another name.
    """
    country = signer.subject.country
    match kind:
        case "dcc":
            own = country == named.issuer
        case "vds":
            own = True  # the name is the subject's, see _is_named
        case _:
            own = same_country(country, named.issuer.strip("< "))
    public_key = read_key(signer.spki)
    denied = [window for key in keys.keys if key.public_key == public_key for window in key.denied]
    return IssuerKey(
        issuer=named.issuer if own else country,
        kid=named.kid,
        public_key=public_key,
        denied=tuple(denied),
    )


def _check_signed(signed: datetime | None, signer: Certificate) -> None:
    """A code that says when it was signed must fit; seals and barcodes say the day only."""
    if signed is None:
        return
    begin = datetime.combine(signer.not_before.date(), time(), tzinfo=UTC)
    if not begin <= signed <= (usage_end(signer) or signer.not_after):
        raise Expired("The code was signed outside its signer's time.", code="chain.validity")
