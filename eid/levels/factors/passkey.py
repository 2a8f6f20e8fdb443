"""Passkeys (WebAuthn level 2), the server's half, by python-fido2: possession.

The server keeps nothing between the two halves: ``begin_…`` gives a state to store, once, and
``complete_…`` takes it back. A passkey that checked its user adds an unknown second kind.

python-fido2 is loaded by the first passkey: a worker that meets none does without it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, cast

from eid.errors import FormatError, RequestRefused
from eid.keys import JSON

if TYPE_CHECKING:
    from fido2.server import Fido2Server
    from fido2.webauthn import AttestedCredentialData, UserVerificationRequirement

MAX_CREDENTIAL = 4096
State = Mapping[str, JSON]
_MALFORMED = (ValueError, KeyError, TypeError, AttributeError, IndexError, AssertionError)


@dataclass(frozen=True, slots=True, kw_only=True)
class Passkey:
    """An enrolled credential (CBOR as WebAuthn's attested credential data) and its counter."""

    data: bytes = field(repr=False)
    sign_count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PasskeyUse:
    """A passkey that answered: which one, its counter, and whether it checked its user."""

    credential_id: bytes = field(repr=False)
    sign_count: int
    user_verified: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class PasskeyParty:
    """Who asks: the domain (``rp_id``), its name, and the one origin that pages have.

    ``must_verify`` insists that the passkey checks its user: the answer is refused without.
    """

    rp_id: str
    name: str
    origin: str
    must_verify: bool = False

    def begin_enrolment(
        self, *, user_id: bytes, username: str, known: Sequence[Passkey] = ()
    ) -> tuple[dict[str, JSON], State]:
        """Options for ``navigator.credentials.create`` (JSON) and the state to keep, once.

        ``user_id`` is random and up to 64 bytes, never a personal number.
        """
        from fido2.webauthn import (  # noqa: PLC0415 - see above
            PublicKeyCredentialUserEntity,
            ResidentKeyRequirement,
        )

        user = PublicKeyCredentialUserEntity(id=user_id, name=username, display_name=username)
        options, state = self._server().register_begin(
            user,
            [_credential(one) for one in known],
            resident_key_requirement=ResidentKeyRequirement.PREFERRED,
            user_verification=self._verification,
        )
        return _json(dict(options)), _json(state)

    def complete_enrolment(self, state: State, response: Mapping[str, JSON]) -> Passkey:
        """The new passkey; RequestRefused ``passkey`` for a wrong challenge, origin or form."""
        try:
            created = self._server().register_complete(dict(state), dict(response))
        except _MALFORMED as error:
            raise _refused() from error
        if created.credential_data is None or len(created.credential_data) > MAX_CREDENTIAL:
            raise _refused()
        return Passkey(data=bytes(created.credential_data), sign_count=created.counter)

    def begin_login(self, known: Sequence[Passkey]) -> tuple[dict[str, JSON], State]:
        """Options for ``navigator.credentials.get`` (JSON) and the state to keep, once.

        With none known the person picks one that is kept on the device; its user handle says
        whose it is (:func:`user_of`).
        """
        options, state = self._server().authenticate_begin(
            [_credential(one) for one in known] or None,
            user_verification=self._verification,
        )
        return _json(dict(options)), _json(state)

    def complete_login(
        self, state: State, known: Sequence[Passkey], response: Mapping[str, JSON]
    ) -> PasskeyUse:
        """Which passkey answered; RequestRefused ``passkey``, or ``passkey.cloned``.

        A counter that does not rise means that two devices have one key.
        """
        from fido2.webauthn import AuthenticationResponse  # noqa: PLC0415 - see above

        credentials = [_credential(one) for one in known]
        try:
            used = self._server().authenticate_complete(dict(state), credentials, dict(response))
            told = AuthenticationResponse.from_dict(dict(response)).response.authenticator_data
        except _MALFORMED as error:
            raise _refused() from error
        before = next(
            one.sign_count
            for one, data in zip(known, credentials, strict=True)
            if data.credential_id == used.credential_id
        )
        if (told.counter or before) and told.counter <= before:
            raise RequestRefused(
                "The passkey's counter went back: it may be a copy.", code="passkey.cloned"
            )
        return PasskeyUse(
            credential_id=used.credential_id,
            sign_count=told.counter,
            user_verified=told.is_user_verified(),
        )

    @property
    def _verification(self) -> UserVerificationRequirement:
        from fido2.webauthn import UserVerificationRequirement as asked  # noqa: PLC0415, N813

        return asked.REQUIRED if self.must_verify else asked.PREFERRED

    def _server(self) -> Fido2Server:
        from fido2.server import Fido2Server  # noqa: PLC0415 - see above
        from fido2.webauthn import PublicKeyCredentialRpEntity  # noqa: PLC0415 - see above

        party = PublicKeyCredentialRpEntity(id=self.rp_id, name=self.name)
        return Fido2Server(party, verify_origin=lambda origin: origin == self.origin)


def user_of(response: Mapping[str, JSON]) -> bytes:
    """The user handle that an answer carries; RequestRefused ``passkey`` if there is none."""
    from fido2.webauthn import AuthenticationResponse  # noqa: PLC0415 - see above

    try:
        handle = AuthenticationResponse.from_dict(dict(response)).response.user_handle
    except _MALFORMED as error:
        raise _refused() from error
    if not handle:
        raise _refused()
    return bytes(handle)


def credential_id(passkey: Passkey) -> bytes:
    """The id of an enrolled passkey; FormatError for data that are none."""
    try:
        return bytes(_credential(passkey).credential_id)
    except _MALFORMED as error:
        raise FormatError("The stored passkey is malformed.", code="passkey") from error


def _credential(passkey: Passkey) -> AttestedCredentialData:
    from fido2.webauthn import AttestedCredentialData  # noqa: PLC0415 - see above

    return AttestedCredentialData(passkey.data)


def _json(value: object) -> dict[str, JSON]:
    """Plain JSON of fido2's values, binary members in base64url as its JSON mapping gives them."""
    return cast("dict[str, JSON]", json.loads(json.dumps(value, default=_plain)))


def _plain(value: object) -> object:
    if isinstance(value, Mapping):
        return dict(value)
    raise TypeError("not JSON")


def _refused() -> RequestRefused:
    return RequestRefused("The passkey's answer does not hold.", code="passkey")
