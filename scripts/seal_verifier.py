"""Write the hashes of the verifier page's files into its service worker; run after every change."""

from __future__ import annotations

import base64
import hashlib
import re
import sys
from pathlib import Path

PAGE = Path(__file__).resolve().parent.parent / "eid" / "qr" / "verifier" / "page"
WORKER = PAGE / "sw.js"
NOT_KEPT = {"sw.js", "LICENSE", "LICENSE-zxing-cpp", "SOURCES.md"}
TABLE = re.compile(r"const FILES = \{.*?\};", re.DOTALL)
VERSION = re.compile(r'const VERSION = ".*?";')


def digest(path: Path) -> str:
    return base64.b64encode(hashlib.sha256(path.read_bytes()).digest()).decode()


def sealed(source: str) -> str:
    """The worker's source with the table of today's files."""
    files = sorted(path for path in PAGE.rglob("*") if path.is_file())
    rows = {
        path.relative_to(PAGE).as_posix(): digest(path)
        for path in files
        if path.name not in NOT_KEPT
    }
    lines = "".join(f'  "{name}": "sha256-{value}",\n' for name, value in rows.items())
    version = hashlib.sha256(lines.encode()).hexdigest()[:16]
    source = TABLE.sub(lambda _: f"const FILES = {{\n{lines}}};", source)
    return VERSION.sub(f'const VERSION = "{version}";', source)


def main(arguments: list[str]) -> int:
    source = WORKER.read_text()
    if "--check" in arguments:
        return int(sealed(source) != source)
    WORKER.write_text(sealed(source))
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
