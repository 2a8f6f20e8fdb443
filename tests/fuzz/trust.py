"""Targets of the trust folder: certificates, lists and what else an operator imports."""

from pathlib import Path

from eid.testing.authority import DocumentAuthority
from eid.trust.certificates import parse_certificate, public_key
from eid.trust.cms import parse_signed_data
from eid.trust.deny import parse_deny_list
from eid.trust.folder import unwrap
from eid.trust.glance import glance
from eid.trust.ldif import read_ldif
from eid.trust.masterlist import is_master_list
from eid.trust.profile import check_authority, check_signer, document_types
from eid.trust.public_keys import parse_public_key
from eid.trust.revocation import parse_crl
from tests.conftest import AT

VECTORS = Path(__file__).parents[1] / "vectors"
LDS = "2.23.136.1.1.1"


def _some(pattern: str, most: int = 24) -> list[bytes]:
    found = sorted(VECTORS.glob(pattern))
    return [path.read_bytes() for path in found[:: max(1, len(found) // most)]]


_AUTHORITY = DocumentAuthority.create(at=AT)
_PEM = _some("csca/*.pem")
_DER = [der for pem in _PEM for der in unwrap(pem)] + [_AUTHORITY.csca_der, _AUTHORITY.ds_der]
_CRL = [*_some("forged_cards/*/trust_crl_*.der"), _AUTHORITY.crl(revoked=[1, 2, 3], at=AT)]
_LDIF = b"""dn: c=VN
objectclass: inetOrgPerson
userCertificate;binary:: MIIB
 AAAA

dn: o=ml
pkdMasterListContent:: MIIB
"""


def _certificate(data: bytes) -> None:
    """A certificate and everything that is ever asked of it."""
    parsed = parse_certificate(data)
    public_key(parsed)
    for ask in (check_authority, check_signer, document_types):
        ask(parsed)


TARGETS = {
    "certificate": (_certificate, _DER),
    "pem": (unwrap, _PEM),
    "glance": (glance, _DER),
    "public_key": (
        parse_public_key,
        [_AUTHORITY.csca_key.public_info, _AUTHORITY.ds_key.public_info],
    ),
    "crl": (parse_crl, _CRL),
    "signed_data": (
        lambda data: parse_signed_data(data, content_types=(LDS,)),
        [sod[4:] for sod in _some("forged_cards/base-*/ef_sod.bin")],
    ),
    "master_list": (is_master_list, [sod[4:] for sod in _some("forged_cards/sig-*/ef_sod.bin")]),
    "ldif": (
        lambda data: list(read_ldif(data.decode("utf-8", "replace").splitlines(True))),
        [_LDIF],
    ),
    "deny_list": (
        lambda data: parse_deny_list(data, "deny.toml"),
        [b'[[certificate]]\nsha256 = "00"\nreason = "x"\n'],
    ),
}
