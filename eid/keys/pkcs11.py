"""Keys that stay in a token (PKCS#11 2.40): sign, seal, open; the only home of python-pkcs11.

A :class:`Token` is one logged-in session that threads share and a forked child opens anew. It
comes back by itself after the token was away; a PIN that was refused is never sent again, so
that a wrong setting cannot lock the token (rows O-078, O-079).
"""

from __future__ import annotations

import hashlib
import os
import secrets
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NoReturn, TypeVar, cast

import pkcs11
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from pkcs11 import Attribute, GCMParams, KeyType, Mechanism, ObjectClass, exceptions
from pkcs11.types import DecryptMixin, EncryptMixin, SignMixin
from pkcs11.util.ec import encode_named_curve_parameters

from eid.errors import FormatError, SettingsError, Unavailable
from eid.keys.jwk import VerificationKey
from eid.keys.signing import SigningAlgorithm

_T = TypeVar("_T")
_VERSION, _NONCE, _TAG_BITS = b"\x01", 12, 128
_P256 = encode_named_curve_parameters("secp256r1")
_ED25519 = (b"\x13\x0cedwards25519", bytes.fromhex("06032b6570"))
_KINDS: Mapping[SigningAlgorithm, KeyType] = {
    "ES256": KeyType.EC,
    "RS256": KeyType.RSA,
    "PS256": KeyType.RSA,
    "EdDSA": KeyType.EC_EDWARDS,
}
_PIN_ERRORS = (
    exceptions.PinExpired,
    exceptions.PinIncorrect,
    exceptions.PinInvalid,
    exceptions.PinLenRange,
    exceptions.PinLocked,
)
_NOT_OPENED = (
    exceptions.DataInvalid,
    exceptions.EncryptedDataInvalid,
    exceptions.EncryptedDataLenRange,
    exceptions.FunctionFailed,
    exceptions.GeneralError,  # SoftHSM's word for a wrong tag
)
_KEEP_INSIDE = {
    Attribute.SENSITIVE: True,
    Attribute.EXTRACTABLE: False,
    Attribute.PRIVATE: True,
}


class _Library:
    """A PKCS#11 library is one for the whole process, and so is the lock before it."""

    def __init__(self) -> None:
        self.lock = threading.RLock()
        os.register_at_fork(after_in_child=self._renew)

    def _renew(self) -> None:
        self.lock = threading.RLock()


_LIBRARY = _Library()


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenPlace:
    """Where a token is: the vendor's library, the token's label, and the user's PIN."""

    module: Path
    token: str
    pin: str = field(repr=False)


class Token:
    """A token, logged in. Keys are named by their label, which is theirs alone.

    SettingsError ``keys.token`` for a library or token that is not there, ``keys.token_pin`` for
    a refused PIN, ``keys.token_key`` for a key that is absent, ambiguous or of a wrong kind.
    Unavailable ``keys.token`` while the token does not answer.
    """

    def __init__(self, place: TokenPlace) -> None:
        self._place = place
        self._process = os.getpid()
        self._inherited: list[object] = []
        self._keys: dict[tuple[ObjectClass, str], pkcs11.Key] = {}
        self._pin_refused = False
        self._session: pkcs11.Session | None = None
        self._call(lambda _session: None)

    def __reduce__(self) -> NoReturn:
        raise TypeError("a token is a session of this process and is never pickled")

    def close(self) -> None:
        """End the session."""
        with _LIBRARY.lock:
            self._drop()

    def sign(self, label: str, alg: SigningAlgorithm, message: bytes) -> bytes:
        """A signature in JOSE form: for ES256 64 bytes, r and s."""

        def work(session: pkcs11.Session) -> bytes:
            key = cast("SignMixin", self._key(session, ObjectClass.PRIVATE_KEY, label))
            if key.key_type != _KINDS[alg]:
                raise _wrong_key("a private key that fits its algorithm")
            return _SIGNERS[alg](key, message)

        return self._call(work)

    def public_key(self, label: str, alg: SigningAlgorithm) -> VerificationKey:
        """The public half that lies beside a private key of this label."""

        def work(session: pkcs11.Session) -> VerificationKey:
            return _public(self._key(session, ObjectClass.PUBLIC_KEY, label), alg)

        return self._call(work)

    def make_signing_key(self, label: str, alg: SigningAlgorithm) -> None:
        """Make a key pair inside the token; the private half never leaves it."""

        def work(session: pkcs11.Session) -> None:
            self._require_free(session, ObjectClass.PRIVATE_KEY, label)
            options: dict[str, Any] = {
                "store": True,
                "label": label,
                "private_template": _KEEP_INSIDE,
            }
            if alg in {"RS256", "PS256"}:
                session.generate_keypair(KeyType.RSA, 3072, **options)
                return
            curve = _P256 if alg == "ES256" else _ED25519[0]
            way = (
                Mechanism.EC_KEY_PAIR_GEN if alg == "ES256" else Mechanism.EC_EDWARDS_KEY_PAIR_GEN
            )
            parameters = session.create_domain_parameters(
                _KINDS[alg], {Attribute.EC_PARAMS: curve}, local=True
            )
            parameters.generate_keypair(mechanism=way, **options)

        self._call(work, write=True)

    def make_wrapping_key(self, label: str) -> None:
        """Make an AES-256 key inside the token, to seal the installation's secrets under."""

        def work(session: pkcs11.Session) -> None:
            self._require_free(session, ObjectClass.SECRET_KEY, label)
            template = {**_KEEP_INSIDE, Attribute.ENCRYPT: True, Attribute.DECRYPT: True}
            session.generate_key(KeyType.AES, 256, store=True, label=label, template=template)

        self._call(work, write=True)

    def seal(
        self,
        label: str,
        data: bytes,
        *,
        context: bytes,
        rng: Callable[[int], bytes] = secrets.token_bytes,
    ) -> bytes:
        """Encrypt under the AES key of this label; only :meth:`open` with the context undoes it."""
        nonce = rng(_NONCE)

        def work(session: pkcs11.Session) -> bytes:
            key = cast("EncryptMixin", self._key(session, ObjectClass.SECRET_KEY, label))
            parameters = _gcm(nonce, context)
            done = key.encrypt(data, mechanism=Mechanism.AES_GCM, mechanism_param=parameters)
            return cast("bytes", done)

        return _VERSION + nonce + self._call(work)

    def open(self, label: str, sealed: bytes, *, context: bytes) -> bytes:
        """Decrypt; FormatError ``envelope`` for another key, context or altered bytes."""
        if len(sealed) < 1 + _NONCE + _TAG_BITS // 8 or sealed[:1] != _VERSION:
            raise FormatError("The sealed data are malformed.", code="envelope")
        nonce, ciphertext = sealed[1 : 1 + _NONCE], sealed[1 + _NONCE :]

        def work(session: pkcs11.Session) -> bytes:
            key = cast("DecryptMixin", self._key(session, ObjectClass.SECRET_KEY, label))
            try:
                done = key.decrypt(
                    ciphertext, mechanism=Mechanism.AES_GCM, mechanism_param=_gcm(nonce, context)
                )
                return cast("bytes", done)
            except _NOT_OPENED as error:
                raise FormatError(
                    "The sealed data do not open with this key.", code="envelope"
                ) from error

        return self._call(work)

    def _call(self, work: Callable[[pkcs11.Session], _T], *, write: bool = False) -> _T:
        """Do some work in the session; once more in a fresh one when the token was away."""
        with _LIBRARY.lock:
            try:
                return work(self._open(write=write))
            except exceptions.PKCS11Error:
                self._drop()
            finally:
                if write:
                    self._drop()
            try:
                return work(self._open(write=write, anew=True))
            except exceptions.PKCS11Error as error:
                self._drop()
                raise Unavailable("The token does not answer now.", code="keys.token") from error

    def _open(self, *, write: bool, anew: bool = False) -> pkcs11.Session:
        if self._process != os.getpid():
            self._inherited += [self._session, dict(self._keys)]  # the parent's, never closed here
            self._session, self._process, anew = None, os.getpid(), True
            self._keys.clear()
        if write:
            self._drop()
        if self._session is None:
            self._session = self._log_in(write=write, anew=anew)
        return self._session

    def _log_in(self, *, write: bool, anew: bool) -> pkcs11.Session:
        if self._pin_refused:
            raise _pin_refused()
        try:
            library = pkcs11.lib(str(self._place.module))
            if anew:
                library.reinitialize()
            token = library.get_token(token_label=self._place.token)
        except exceptions.PKCS11Error as error:
            if not anew:
                raise  # it may have come, or come back, after the library was loaded
            raise SettingsError(
                "The token cannot be found.",
                code="keys.token",
                key="pkcs11",
                expected="the path of a PKCS#11 library and the label of one token",
            ) from error
        try:
            return token.open(rw=write, user_pin=self._place.pin)
        except exceptions.UserAlreadyLoggedIn:  # by another session of this process
            return token.open(rw=write)
        except _PIN_ERRORS as error:
            self._pin_refused = True
            raise _pin_refused() from error

    def _drop(self) -> None:
        session, self._session = self._session, None
        self._keys.clear()
        if session is not None and self._process == os.getpid():
            try:
                session.close()
            except exceptions.PKCS11Error:
                self._inherited.append(session)  # gone already

    def _key(self, session: pkcs11.Session, kind: ObjectClass, label: str) -> pkcs11.Key:
        found = self._keys.get((kind, label))
        if found is None:
            try:
                found = session.get_key(object_class=kind, label=label)
            except (exceptions.NoSuchKey, exceptions.MultipleObjectsReturned) as error:
                raise _wrong_key("one key of this kind and label") from error
            self._keys[kind, label] = found
        return found

    def _require_free(self, session: pkcs11.Session, kind: ObjectClass, label: str) -> None:
        query = {Attribute.CLASS: kind, Attribute.LABEL: label}
        if next(iter(session.get_objects(query)), None) is not None:
            raise _wrong_key("a label that is not taken")


def _gcm(nonce: bytes, context: bytes) -> GCMParams:
    return GCMParams(nonce=nonce, aad=_VERSION + context, tag_bits=_TAG_BITS)


def _ecdsa(key: SignMixin, message: bytes) -> bytes:
    return bytes(key.sign(hashlib.sha256(message).digest(), mechanism=Mechanism.ECDSA))


def _rsa_pss(key: SignMixin, message: bytes) -> bytes:
    salted = (Mechanism.SHA256, pkcs11.MGF.SHA256, 32)
    way = Mechanism.SHA256_RSA_PKCS_PSS
    return bytes(key.sign(message, mechanism=way, mechanism_param=salted))


_SIGNERS: Mapping[SigningAlgorithm, Callable[[SignMixin, bytes], bytes]] = {
    "ES256": _ecdsa,
    "RS256": lambda key, message: bytes(key.sign(message, mechanism=Mechanism.SHA256_RSA_PKCS)),
    "PS256": _rsa_pss,
    "EdDSA": lambda key, message: bytes(key.sign(message, mechanism=Mechanism.EDDSA)),
}


def _public(key: pkcs11.Key, alg: SigningAlgorithm) -> VerificationKey:
    if key.key_type != _KINDS[alg]:
        raise _wrong_key("a public key that fits its algorithm")
    try:
        if alg in {"RS256", "PS256"}:
            n, e = key[Attribute.MODULUS], key[Attribute.PUBLIC_EXPONENT]
            return rsa.RSAPublicNumbers(int.from_bytes(e), int.from_bytes(n)).public_key()
        curve, point = bytes(key[Attribute.EC_PARAMS]), _octets(bytes(key[Attribute.EC_POINT]))
        if alg == "ES256" and curve == _P256:
            return ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), point)
        if alg == "EdDSA" and curve in _ED25519:
            return ed25519.Ed25519PublicKey.from_public_bytes(point)
    except ValueError as error:
        raise _wrong_key("a public key on its curve") from error
    raise _wrong_key("a public key that fits its algorithm")


def _octets(value: bytes) -> bytes:
    """An EC point: the standard wraps it as an OCTET STRING, some tokens leave that away."""
    return (
        value[2:] if len(value) in {34, 67} and value[:2] == bytes((4, len(value) - 2)) else value
    )


def _wrong_key(expected: str) -> SettingsError:
    return SettingsError(
        "The token's key cannot be used.", code="keys.token_key", key="pkcs11", expected=expected
    )


def _pin_refused() -> SettingsError:
    return SettingsError(
        "The token refused the PIN; it is not sent again.",
        code="keys.token_pin",
        key="pkcs11.pin",
        expected="the PIN of the token's user",
    )
