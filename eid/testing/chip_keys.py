"""Keys of a test chip: made, and written as SecurityInfos and data groups need them.

>>> from eid.testing.profiles import StaticKeyForm
>>> form = StaticKeyForm(domain="dh-0", key_id=7)
>>> key = StaticKey.create(form, rng=lambda size: bytes(size - 1) + bytes([1]))
>>> key.info()[:2].hex()
'3082'
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final, Self

from cryptography.hazmat.primitives.asymmetric import ec as pyca_ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from eid import ec
from eid.ec import groups
from eid.testing import certificates, der
from eid.testing.profiles import StaticKeyForm
from eid.testing.softcard_domain import of_curve, standard_domain

ActiveKey = rsa.RSAPrivateKey | pyca_ec.EllipticCurvePrivateKey
_PUBLIC_KEY: Final = "0.4.0.127.0.7.2.2.1"
_PKCS3: Final = "1.2.840.113549.1.3.1"
_X942: Final = "1.2.840.10046.2.1"
_ACTIVE_AUTHENTICATION: Final = "2.23.136.1.1.5"
_ECDSA_PLAIN: Final = "0.4.0.127.0.7.1.1.4.1"
_ECDSA_PLAIN_DIGESTS: Final = {
    "sha1-bc": 1,
    "sha1": 1,
    "sha224": 2,
    "sha256": 3,
    "sha384": 4,
    "sha512": 5,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class StaticKey:
    """A Chip Authentication key pair with the form in which DG14 shows it."""

    form: StaticKeyForm
    private: int = field(repr=False)
    public: bytes = field(repr=False)

    @classmethod
    def create(cls, form: StaticKeyForm, *, rng: Callable[[int], bytes]) -> Self:
        """Draw a key pair."""
        name = form.domain
        in_group = name.startswith("dh-")
        domain = standard_domain(int(name[3:])) if in_group else of_curve(name)
        private = domain.draw(rng)
        return cls(form=form, private=private, public=domain.public(private))

    def info(self) -> bytes:
        """ChipAuthenticationPublicKeyInfo."""
        in_group = self.form.domain.startswith("dh-")
        key_id = [] if self.form.key_id is None else [der.integer(self.form.key_id)]
        public = self._group_key() if in_group else self._curve_key()
        return der.sequence(der.oid(f"{_PUBLIC_KEY}.{1 if in_group else 2}"), public, *key_id)

    def _curve_key(self) -> bytes:
        curve = ec.by_name(self.form.domain)
        return certificates.public_key_info(curve, self.public, explicit=self.form.explicit)

    def _group_key(self) -> bytes:
        group = groups.group_by_parameter_id(int(self.form.domain[3:]))
        numbers = [der.integer(group.p), der.integer(group.g)]
        if self.form.x942 and group.q:
            numbers.append(der.integer(group.q))
        algorithm = der.sequence(
            der.oid(_X942 if self.form.x942 else _PKCS3), der.sequence(*numbers)
        )
        return der.sequence(algorithm, der.bits(der.integer(int.from_bytes(self.public, "big"))))


def new_active_key(name: str) -> ActiveKey:
    """Make the Active Authentication key that a profile names (``rsa-2048-e3``, ``ecdsa-…``)."""
    kind, _, rest = name.partition("-")
    if kind == "rsa":
        bits, _, exponent = rest.partition("-e")
        return rsa.generate_private_key(int(exponent or 65537), int(bits))
    return pyca_ec.generate_private_key(certificates.pyca_curve(rest))


def active_public_key(key: ActiveKey) -> bytes:
    """SubjectPublicKeyInfo of an Active Authentication key."""
    return key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def active_info(digest: str) -> bytes:
    """ActiveAuthenticationInfo of a chip that signs by ECDSA."""
    signature = f"{_ECDSA_PLAIN}.{_ECDSA_PLAIN_DIGESTS[digest]}"
    return der.sequence(der.oid(_ACTIVE_AUTHENTICATION), der.integer(1), der.oid(signature))
