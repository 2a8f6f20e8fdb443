"""The endpoint page and the operator's page name everything there is."""

import re
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

from eid.oidc import client_metadata, web
from eid.oidc.provider import ProviderKeys
from eid.oidc.settings import ProviderSettings

DOCS = Path(__file__).resolve().parents[2] / "docs"


def test_every_route_is_on_the_page_with_its_methods() -> None:
    settings = ProviderSettings(
        issuer="https://id.example",
        agent_url="http://127.0.0.1:35970",
        legal_entity="Example",
        role="own_services",
    )
    provider = SimpleNamespace(settings=settings, keys=ProviderKeys.generate(), own=object())
    routes = web.routes(cast("Any", provider))
    text = (DOCS / "reference/endpoints.md").read_text()
    listed = dict(re.findall(r"^\| `([^`]+)` \| ([A-Z ]+) \|", text, re.MULTILINE))
    assert listed == {route.path: " ".join(sorted(route.handlers)) for route in routes}


def test_every_member_of_ours_is_explained() -> None:
    text = (DOCS / "operating-the-provider.md").read_text()
    for name in client_metadata._OWN_MEMBERS - {"eid_client_secret_hash"}:
        assert f"`{name}`" in text, name
