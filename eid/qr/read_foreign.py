"""The readers of codes that others issue, by kind.

>>> sorted(READERS)
['dcc', 'idb', 'shc', 'vds', 'vds_nc']
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from types import MappingProxyType
from typing import TypeAlias

from eid.qr.dcc import verify_dcc
from eid.qr.foreign import ForeignCode, refuse
from eid.qr.idb import verify_idb
from eid.qr.issuers import IssuerKeys
from eid.qr.shc import verify_shc
from eid.qr.vds import verify_vds
from eid.qr.vds_nc import verify_vds_nc

Read: TypeAlias = Callable[[bytes, IssuerKeys, datetime, int | None], ForeignCode]

READERS: Mapping[str, Read] = MappingProxyType(
    {
        "dcc": lambda code, keys, at, _: verify_dcc(_text(code), keys, at=at),
        "shc": lambda code, keys, at, age: verify_shc(_text(code), keys, at=at, max_age_s=age),
        "idb": lambda code, keys, at, _: verify_idb(_text(code), keys, at=at),
        "vds": lambda code, keys, at, _: verify_vds(code, keys, at=at),
        "vds_nc": lambda code, keys, _, __: verify_vds_nc(_text(code), keys),
    }
)
"""Kind, as `eid.qr.recognise.kind_of` names it → reader of bytes, keys, time and greatest age."""


def _text(code: bytes) -> str:
    try:
        return code.decode()
    except UnicodeDecodeError as e:
        raise refuse("text") from e
