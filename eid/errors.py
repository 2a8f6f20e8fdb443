"""Every error of the library, as one tree sorted by what the caller can do next.

::

    EidError(code)
    ├ CardError               try again: present the card once more, or mend the reader
    │ ├ ReaderError             the reader or its service, not the card
    │ ├ CardRemoved             the card left the field; the session is gone
    │ ├ DeadlineExceeded        the read took longer than it may
    │ ├ StatusError             the card refused a command (``sw``)
    │ ├ AccessDenied            wrong number, CAN or MRZ, or no usable access protocol
    │ ├ ProtocolError           the card's answer breaks its protocol
    │ └ SecureMessagingError    a protected answer is not authentic; the session is over
    ├ FormatError             bad bytes: every parser raises this and nothing else
    ├ VerificationError       do not serve; ``verdict`` carries the whole report
    │ ├ HashMismatch · SignatureInvalid · UntrustedIssuer · Expired · Revoked
    │ ├ NotGenuine · ChallengeMismatch · HolderMismatch · Inconsistent
    │ └ RequestRefused          who asks, or whose browser it is, is not who it must be
    ├ InsufficientEvidence    ask for more (``missing``)
    ├ AccountError            the account's state or its credentials do not allow it
    ├ OAuthError              the one shape that leaves by HTTP (RFC 6749 §5.2)
    ├ SettingsError           fix the installation (``file``, ``key``, ``expected``)
    └ Unavailable             a service or the database does not answer; try later

``code`` is a stable dotted string; ``facts`` carries what a program may need. Neither holds
personal data, keys or tokens, and messages are one sentence.

>>> HashMismatch("The content of EF.DG1 is not what was signed.", file="EF.DG1").code
'hash_mismatch'
"""

from __future__ import annotations

from typing import ClassVar

Fact = str | int | tuple[str, ...]


class EidError(Exception):
    """Root of the tree. ``code`` is stable, ``facts`` are for programs, ``str()`` is for people."""

    default_code: ClassVar[str] = "error"

    def __init__(self, message: str, *, code: str | None = None, **facts: Fact) -> None:
        super().__init__(message)
        self.message = message
        self.code = code or self.default_code
        self.facts = facts


class CardError(EidError):
    """The card or the reader; trying again may help."""

    default_code = "card"


class ReaderError(CardError):
    """The reader or the PC/SC service."""

    default_code = "reader"


class CardRemoved(CardError):
    """The card left the field, was reset, or was changed; all session keys are wiped."""

    default_code = "card.removed"


class DeadlineExceeded(CardError):
    """The wall-clock deadline of the read has passed."""

    default_code = "card.deadline"


class StatusError(CardError):
    """The card answered a command with an unexpected status word."""

    default_code = "card.status"

    def __init__(self, message: str, *, sw: int, code: str | None = None, **facts: Fact) -> None:
        super().__init__(message, code=code, sw=sw, **facts)
        self.sw = sw


class AccessDenied(CardError):
    """The chip did not accept the number, CAN or MRZ, or offers no usable access protocol."""

    default_code = "card.access_denied"


class ProtocolError(CardError):
    """An answer of the card breaks its protocol; the session is over."""

    default_code = "card.protocol"


class SecureMessagingError(CardError):
    """A protected answer is not authentic; the session is over and its keys are wiped."""

    default_code = "card.secure_messaging"


class FormatError(EidError):
    """Bytes that are not what they should be. Parsers raise this and nothing else."""

    default_code = "format"


class VerificationError(EidError):
    """Do not serve. ``verdict`` is the full report of all checks, where there is one."""

    default_code = "verification"

    def __init__(
        self, message: str, *, code: str | None = None, verdict: object = None, **facts: Fact
    ) -> None:
        super().__init__(message, code=code, **facts)
        self.verdict = verdict


class HashMismatch(VerificationError):
    """A file's content is not what the issuer signed."""

    default_code = "hash_mismatch"


class SignatureInvalid(VerificationError):
    """A signature does not verify."""

    default_code = "signature_invalid"


class UntrustedIssuer(VerificationError):
    """The signature may be valid, but no configured anchor vouches for its signer."""

    default_code = "untrusted_issuer"


class Expired(VerificationError):
    """The document, a certificate or a proof is past its time."""

    default_code = "expired"


class Revoked(VerificationError):
    """The signer's certificate has been revoked."""

    default_code = "revoked"


class NotGenuine(VerificationError):
    """The chip did not prove to be the original."""

    default_code = "not_genuine"


class ChallengeMismatch(VerificationError):
    """The proof answers another challenge than the verifier's own."""

    default_code = "challenge_mismatch"


class HolderMismatch(VerificationError):
    """The card belongs to another person than expected."""

    default_code = "holder_mismatch"


class Inconsistent(VerificationError):
    """Signed parts of the document contradict each other."""

    default_code = "inconsistent"


class RequestRefused(VerificationError):
    """Who asks, or whose browser it is, is not who it must be."""

    default_code = "request_refused"


class InsufficientEvidence(EidError):
    """Nothing is wrong, but more proof is needed (``missing``)."""

    default_code = "insufficient_evidence"

    def __init__(
        self, message: str, *, missing: tuple[str, ...], code: str | None = None, **facts: Fact
    ) -> None:
        super().__init__(message, code=code, missing=missing, **facts)
        self.missing = missing


class AccountError(EidError):
    """The account's state or its credentials do not allow the action."""

    default_code = "account"


class OAuthError(EidError):
    """An error in the words of RFC 6749 and OpenID Connect; ``status`` is the HTTP status."""

    default_code = "oauth"

    def __init__(self, error: str, description: str, *, status: int = 400, **facts: Fact) -> None:
        super().__init__(description, code=error, **facts)
        self.error = error
        self.description = description
        self.status = status


class SettingsError(EidError):
    """The installation must be mended; names the file, the key and what was expected."""

    default_code = "settings"

    def __init__(
        self,
        message: str,
        *,
        code: str | None = None,
        file: str = "",
        key: str = "",
        expected: str = "",
    ) -> None:
        super().__init__(message, code=code, file=file, key=key, expected=expected)


class Unavailable(EidError):
    """A service or the database does not answer now; nothing was changed, try again later."""

    default_code = "unavailable"
