"""`eid serve --dev`: a provider with fictional people, for the tests of a relying service.

Everything is made at the start and gone at the end: database, keys (``kid`` ``dev-…``), people
and the authority of their cards. It listens on loopback, takes no settings and believes no proxy:
whatever was forwarded is refused. The card page leads to a card agent of its own, with a
software card that goes the whole way of a real one.
"""

from __future__ import annotations

import re
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from eid.cli.ports import check_free
from eid.errors import SettingsError

if TYPE_CHECKING:
    import falcon

    from eid.levels.account import Account
    from eid.levels.factors.code import Channel
    from eid.oidc.clients import Registered
    from eid.oidc.provider import Provider, ProviderKeys
    from eid.testing.card_image import CardImage

PASSWORD = "development"  # noqa: S105 - public, of fictional people on loopback
LEGAL_ENTITY = "development"
LOCAL_NAMES = frozenset({"127.0.0.1", "localhost", "[::1]"})
READY_ID, READY_SECRET = "dev", "development-secret"
READY_CLIENT = {
    "client_id": READY_ID,
    "client_secret": READY_SECRET,
    "client_name": "Development",
    "redirect_uris": ["http://127.0.0.1:3000/callback", "http://localhost:3000/callback"],
    "grant_types": ["authorization_code", "refresh_token"],
    "scope": "openid profile address eid:number eid:card offline_access",
}


def serve_development(
    *, config: Path | None, port: int, clients: Path | None, environ: Mapping[str, str]
) -> int:
    """Serve until the process is ended; SettingsError for anything of a real installation."""
    refuse_production(config, environ)
    check_free("127.0.0.1", port)
    registered = registered_clients(clients)
    from granian.constants import HTTPModes, Interfaces
    from granian.log import LogLevels
    from granian.server import Server

    issuer = f"http://127.0.0.1:{port}"
    with tempfile.TemporaryDirectory(prefix="eid-dev-") as folder:
        server = Server(
            "eid-development",
            address="127.0.0.1",
            port=port,
            interface=Interfaces.WSGI,
            http=HTTPModes.http1,
            workers=1,
            blocking_threads=4,
            log_level=LogLevels.error,
            log_access=False,
            websockets=False,
            workers_kill_timeout=3,
        )
        loader = partial(_announced, Path(folder), issuer, registered)
        server.serve(target_loader=loader, wrap_loader=False)
    return 0


def refuse_production(config: Path | None, environ: Mapping[str, str]) -> None:
    """SettingsError if settings, keys or a database of a real installation are in reach."""
    given = sorted(name for name in environ if name.startswith("EID_") and name != "EID_NO_APT")
    if config is not None or given:
        raise SettingsError(
            "Development takes no settings of an installation.",
            code="settings.development",
            key="config" if config is not None else given[0],
            expected="eid serve --dev alone",
        )


def _announced(
    folder: Path, issuer: str, registered: Sequence[Registered]
) -> falcon.App[falcon.Request, falcon.Response]:
    """The application; what a developer needs to know is said when it can be used."""
    app = create_development(folder, issuer, registered)
    typer.echo(f"issuer {issuer}  people level0, level1, level2  password {PASSWORD}")
    for one in registered:
        secret = READY_SECRET if one.client.client_id == READY_ID else one.secret
        typer.echo(f"client {one.client.client_id}" + (f"  secret {secret}" if secret else ""))
    return app


def registered_clients(clients: Path | None) -> list[Registered]:
    """The ready client and those of the file; SettingsError if one of them cannot be used."""
    from eid.oidc.clients import Registered, RegisteredClients, client_from_metadata, read_clients

    ready = client_from_metadata(READY_CLIENT, legal_entity=LEGAL_ENTITY)
    found = [Registered(client=ready)]
    if clients is not None:
        found += read_clients(clients, legal_entity=LEGAL_ENTITY)
    RegisteredClients.of(one.client for one in found)
    return found


def create_development(
    folder: Path, issuer: str, registered: Sequence[Registered]
) -> falcon.App[falcon.Request, falcon.Response]:
    """The application, with people, clients and a card agent, in an empty ``folder``."""
    from eid.app.installation import LOGIN
    from eid.app.people import own_pages
    from eid.app.people_settings import PeopleSettings
    from eid.app.verifier import TrustFolder, Verifier
    from eid.cli.development_agent import Agent
    from eid.cli.development_help import Refusals, StartPage
    from eid.levels.rules import Rules
    from eid.oidc.clients import RegisteredClients
    from eid.oidc.outbound import FetchedKeys, Notifier, Outbound
    from eid.oidc.provider import Provider, ProviderKeys
    from eid.oidc.settings import ProviderSettings
    from eid.oidc.web import create_app
    from eid.store import open_store

    store = open_store(
        f"sqlite:///{folder}/eid.db",
        folder,
        insecure_fast_hash=True,
        insecure_fast_commit=True,
    )
    at = datetime.now(UTC)
    images = make_people(store.accounts.create, folder / "trust", at=at)
    outbound = Outbound(insecure_loopback=True)
    provider = Provider(
        settings=ProviderSettings(
            issuer=issuer, agent_url=issuer, legal_entity=LEGAL_ENTITY, role="own_services"
        ),
        keys=development_keys(ProviderKeys.generate()),
        grants=store.grants,
        accounts=store.accounts,
        clients=RegisteredClients.of(one.client for one in registered),
        judge_evidence=Verifier(trust=TrustFolder(folder / "trust"), policy=LOGIN),
        rules=Rules.load(),
        client_keys=FetchedKeys(outbound),
        notify=Notifier(outbound),
        own=replace(own_pages(store, PeopleSettings()), senders={"email": told}),
    )
    app = create_app(provider)
    app.add_middleware([_NothingForwarded(), Refusals(store.audit.refusal, _tell)])
    app.add_route("/", StartPage(_start_page(issuer)))
    app.add_route("/card", Agent(provider, images))
    return app


def told(channel: Channel, text: str, *, at: datetime) -> None:
    """A code goes to nobody's mailbox: it is printed, for whoever runs this."""
    del at
    _tell(f"to {channel.address}: {text.splitlines()[-1]}")


def _tell(line: str) -> None:
    """To the terminal, without what would move its cursor: a path is the sender's."""
    typer.echo("".join(one if one.isprintable() else "?" for one in line), err=True)


def _start_page(issuer: str) -> dict[str, str]:
    return {
        "issuer": issuer,
        "metadata": f"{issuer}/.well-known/openid-configuration",
        "password": PASSWORD,
        "client": READY_ID,
        "secret": READY_SECRET,
        "callback": "http://127.0.0.1:3000/callback",
    }


def development_keys(keys: ProviderKeys) -> ProviderKeys:
    """The keys with names that show where they belong."""
    return replace(
        keys,
        tokens=replace(keys.tokens, kid=f"dev-{keys.tokens.kid}"),
        card_requests=replace(keys.card_requests, kid=f"dev-{keys.card_requests.kid}"),
        others=tuple(replace(key, kid=f"dev-{key.kid}") for key in keys.others),
    )


def make_people(
    create: Callable[..., Account], trust: Path, *, at: datetime
) -> dict[str, CardImage]:
    """Fictional people of every account level, and their cards by personal number."""
    from eid.levels.account import Account, Profile
    from eid.store import new_account_id
    from eid.testing.authority import DocumentAuthority
    from eid.testing.people import PEOPLE
    from eid.testing.personalise import personalise

    authority = DocumentAuthority.create(at=at)
    authority.trust_folder(trust, crl=authority.crl(at=at))
    images: dict[str, CardImage] = {}
    for level, person in zip((0, 1, 2), PEOPLE.values(), strict=False):
        images[person.number] = personalise(person, authority, at=at)
        profile = Profile(
            name=person.name,
            birth_date=person.birth_date.isoformat(),
            personal_number=person.number,
            sex=person.sex,
            nationality=person.nationality,
            address=person.residence,
            document_number=person.document_number,
            issue_date=person.issue_date.isoformat(),
            expiry=person.expiry.isoformat() if person.expiry else "",
            issuing_state="VNM",
        )
        account = Account(
            id=new_account_id(),
            username=f"level{level}",
            created_at=at,
            state="active" if level else "registered",
            level=level,
            source="chip_local" if level else "manual",
            holder_match="officer" if level == 2 else "none",
            profile=profile,
            proofed_at=at if level else None,
        )
        create(account, password=PASSWORD)
    return images


class _NothingForwarded:
    """A request that came through a proxy, or for another name, is not for development.

    A page whose name leads to loopback (DNS rebinding) sends that name as the host.
    """

    def process_request(self, req: falcon.Request, _resp: falcon.Response) -> None:
        """Refuse it, whatever it asks for, and say so."""
        from falcon import HTTPForbidden

        from eid.oidc.traffic import is_a_proxys

        local = req.remote_addr in {"127.0.0.1", "::1"}
        host = re.sub(r":[0-9]*\Z", "", req.get_header("Host") or "localhost").lower()
        if local and host in LOCAL_NAMES and not any(map(is_a_proxys, req.headers)):
            return
        _tell(f"{req.method} {req.path}: refused, it came through a proxy or for another host")
        raise HTTPForbidden
