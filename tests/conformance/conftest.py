"""The provider's kit of tests/oidc, for the checklists of the OpenID Foundation's suite."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

_PLACE = Path(__file__).parents[1] / "oidc" / "conftest.py"
_NAME = "eid_conformance_kit"


def _load():
    spec = importlib.util.spec_from_file_location(_NAME, _PLACE)
    module = importlib.util.module_from_spec(spec)
    sys.modules[_NAME] = module
    spec.loader.exec_module(module)
    return module


kit = _load()
images = kit.images
evidence_of = kit.evidence_of
provider_keys = kit.provider_keys
trust = kit.trust
clients = kit.clients
store = kit.store
world = kit.world
browser = kit.browser
