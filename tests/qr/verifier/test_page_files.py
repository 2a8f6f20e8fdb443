"""What the page is made of: sealed, vendored with proof, light, and complete in its words."""

import hashlib
import re
import subprocess
import sys
from pathlib import Path

from eid.qr.claim169 import FIELDS
from eid.qr.verifier.site import PAGE, page_files

ROOT = Path(__file__).parents[3]
VENDOR = PAGE / "vendor" / "zxing-wasm"
OWN = [path for path in PAGE.rglob("*.js") if VENDOR not in path.parents]
MAX_BYTES = 2_000_000


def test_the_service_worker_knows_every_file_by_its_hash():
    """After a change of the page run scripts/seal_verifier.py."""
    command = [sys.executable, ROOT / "scripts" / "seal_verifier.py", "--check"]
    assert subprocess.run(command, check=False).returncode == 0


def test_the_decoder_is_the_one_that_its_sources_name():
    said = (VENDOR / "SOURCES.md").read_text()
    rows = dict(re.findall(r"^\| (\S+) \| ([0-9a-f]{64}) \|", said, re.MULTILINE))
    found = {
        path.relative_to(VENDOR).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in VENDOR.rglob("*")
        if path.suffix in {".js", ".wasm"}
    }
    assert rows == found
    assert found["reader/zxing_reader.wasm"] in (VENDOR / "es/reader/index.js").read_text()
    assert "MIT License" in (VENDOR / "LICENSE").read_text()
    assert "Apache License" in (VENDOR / "LICENSE-zxing-cpp").read_text()


def test_the_whole_page_weighs_less_than_two_megabytes():
    assert sum(map(len, page_files().values())) <= MAX_BYTES


def test_no_own_file_names_another_host_or_builds_markup():
    namespaces = ("http://www.w3.org/2000/svg",)
    for path in OWN:
        source = path.read_text()
        for name in namespaces:
            source = source.replace(name, "")
        assert not re.search(r"https?://", source.replace("https?:", "")), path
        assert not re.search(
            r"innerHTML|outerHTML|insertAdjacent|document\.write|\beval\(", source
        )


def test_every_reason_has_words_in_both_languages():
    texts = (PAGE / "texts.js").read_text()
    worded = set(re.findall(r'^  "((?:qr|page|browser)\.[a-z0-9_.]+)":', texts, re.MULTILINE))
    raised = set()
    for path in OWN:
        if path.name != "texts.js":
            raised |= set(re.findall(r'"((?:qr|page|browser)\.[a-z0-9_.]+)"', path.read_text()))
    assert raised <= worded
    assert worded - raised <= {"page.accepted"}, "words for reasons that nobody gives"


def test_every_field_of_the_identity_is_known():
    """The page's table has the keys, names and order of eid.qr.claim169."""
    rows = re.findall(r'^  \[([0-9]+), \["(\w+)"', (PAGE / "core/claim169.js").read_text(), re.M)
    assert [(int(key), name) for key, name in rows] == [(row.key, row.name) for row in FIELDS]
