"""The process that decodes: picture on standard input, PNG on standard output."""

from __future__ import annotations

import io
import sys
from typing import Final

NO_PILLOW: Final = 3
BAD_PICTURE: Final = 4
_MAX_INPUT: Final = 1 << 20


def main(arguments: list[str]) -> int:
    """Decode one picture under the limits in ``arguments``: seconds, MiB, pixels a side."""
    seconds, memory_mib, side = float(arguments[0]), int(arguments[1]), int(arguments[2])
    _limit(seconds, memory_mib)
    try:
        from PIL import Image  # noqa: PLC0415 - here only, behind the limits
    except ModuleNotFoundError:
        return NO_PILLOW
    Image.MAX_IMAGE_PIXELS = side * side
    try:
        with Image.open(
            io.BytesIO(sys.stdin.buffer.read(_MAX_INPUT)), formats=("JPEG", "JPEG2000")
        ) as picture:
            if max(picture.size) > side:
                return BAD_PICTURE
            written = io.BytesIO()
            picture.convert("RGB").save(written, "PNG")
    except Exception:  # noqa: BLE001 - the outermost handler of this program: any failure is one
        return BAD_PICTURE
    sys.stdout.buffer.write(written.getvalue())
    return 0


def _limit(seconds: float, memory_mib: int) -> None:
    """Set what the system enforces; where it cannot, the parent's clock is left."""
    try:
        import resource  # noqa: PLC0415 - not on every system
    except ModuleNotFoundError:
        return
    whole = max(1, int(seconds))
    resource.setrlimit(resource.RLIMIT_CPU, (whole, whole))
    resource.setrlimit(resource.RLIMIT_AS, (memory_mib << 20, memory_mib << 20))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
