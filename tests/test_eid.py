"""`import eid` is cheap, and its names are what they say."""

import subprocess
import sys

import pytest

import eid


def test_importing_costs_nothing() -> None:
    heavy = ("cryptography", "sqlalchemy", "falcon", "smartcard", "jwt", "authlib", "PIL")
    program = f"import eid, sys; print([m for m in {heavy!r} if m in sys.modules])"
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"


def test_verifying_needs_the_core_install_only() -> None:
    """No reader, web, database or OAuth package is loaded for a bank's server."""
    program = (
        "import sys; before = set(sys.modules);"
        "import eid; eid.verify; eid.TrustStore; eid.Evidence;"
        "core = {'eid', 'cryptography', 'cffi', 'jwt', 'typing_extensions'};"
        "new = {m.partition('.')[0] for m in set(sys.modules) - before};"
        "new -= set(sys.stdlib_module_names) | core;"
        "print(sorted(m for m in new if not m.startswith('_')))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"


def test_every_public_name_is_there() -> None:
    for name in eid._HOMES:
        assert getattr(eid, name) is not None
        assert name in dir(eid)
    with pytest.raises(AttributeError):
        _ = eid.nothing  # type: ignore[attr-defined]
