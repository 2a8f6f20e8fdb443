"""EF.CardSecurity, where it was read: signed by an anchored signer, and no less than EF.CardAccess.

PACE with Chip Authentication Mapping rests on its keys (9303-11 §9.2.10; TR-03105-5.1 LDS_J). It
may hold more than EF.CardAccess; fewer or other entries are a downgrade.
"""

from __future__ import annotations

from eid.chip.checks.passive import find_signer
from eid.chip.checks.question import Question
from eid.chip.lds.card_security import signed_card_security
from eid.chip.lds.security_infos import SecurityInfos, parse_security_infos
from eid.errors import Inconsistent, UntrustedIssuer
from eid.trust.certificates import Certificate
from eid.trust.cms import SignedData, verify_signed_data
from eid.trust.path import UNANCHORED, build_chain, revocation_state, signing_moment
from eid.trust.profile import check_sha1


def check_card_security(question: Question, card_access: SecurityInfos | None) -> bool:
    """True if the file is absent or sound; false if all is right, but no anchor is known.

    Raises an ``EidError`` that speaks against the card.
    """
    data = question.files.get("EF.CardSecurity")
    if data is None:
        return True
    signed = signed_card_security(data)
    signer = find_signer(question.trust, signed)
    allow = question.policy.insecure_allow_sha1
    check_sha1(signed.signer_info.algorithm, insecure_allow_sha1=allow)
    verify_signed_data(signed, signer)
    infos = parse_security_infos(signed.content)
    offered = {info.raw for info in card_access.items} if card_access is not None else set()
    if not offered <= {info.raw for info in infos.items}:
        raise Inconsistent(
            "EF.CardAccess is not what EF.CardSecurity says.", code="pace.downgrade"
        )
    return _anchored(question, signer, signed)


def _anchored(question: Question, signer: Certificate, signed: SignedData) -> bool:
    moment = signing_moment(signer, signing_time=signed.signer_info.signing_time, at=question.at)
    allow = question.policy.insecure_allow_sha1
    try:
        chain = build_chain(signer, question.trust, moment=moment, insecure_allow_sha1=allow)
    except UntrustedIssuer as error:
        if error.code != UNANCHORED:
            raise
        return False
    revocation_state(chain, question.trust, at=question.at, insecure_allow_sha1=allow)
    return True
