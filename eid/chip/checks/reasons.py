"""Our codes as the reason classes that test suites compare (the forged cards' README).

>>> reason_class("cms.digest"), reason_class("tlv.truncated"), reason_class("mrz.sex")
('sod.digest', 'parse', 'mrz')
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

_EXACT: Final[Mapping[str, str]] = MappingProxyType(
    {
        "sod.no_signer": "chain.no_signer",
        "signature_invalid": "sod.signature",
        "cms.digest": "sod.digest",
        "cms.content_type": "sod.content_type",
        "cms.content_type_mismatch": "sod.content_type",
        "cms.content_info_type": "sod.content_type",
        "chain.unanchored": "trust.unknown",
        "chain.anchor_damaged": "chain.signature",
        "chain.document_type": "chain.doc_type",
        "chain.denied": "chain.revoked",
        "revocation.unknown": "chain.revocation_unknown",
        "revocation.stale": "chain.revocation_unknown",
        "lds.data_groups": "lds.consistency",
        "lds.version": "lds.version",
        "document.expired": "document.expired",
        "aa.unavailable": "aa.unavailable",
        "aa.not_performed": "aa.unavailable",
        "chip_auth.unavailable": "ca.unavailable",
    }
)
_BY_ROOM: Final[Mapping[str, str]] = MappingProxyType(
    {
        "algorithm": "algorithm",
        "key": "algorithm",
        "chip_auth": "ca.key",
        "aa": "aa.failed",
        "mrz": "mrz",
        "dg1": "mrz",
        "dg2": "dg2",
    }
)
_SAME: Final = frozenset({"chain", "dg", "pace"})


def reason_class(code: str) -> str:
    """The class of a check's code; whatever concerns encodings or structure is ``parse``."""
    if code in _EXACT:
        return _EXACT[code]
    room = code.partition(".")[0]
    return code if room in _SAME else _BY_ROOM.get(room, "parse")
