"""Files that hold personal data: readable by the owner only, and whole or absent."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path


def write_private(path: Path, data: bytes) -> None:
    """Write ``data`` with mode 0600 by renaming a finished file; OSError when that fails."""
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name[:32]}.")
    temporary = Path(name)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
