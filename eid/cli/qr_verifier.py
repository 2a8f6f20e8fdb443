"""`eid qr verifier`: the page with which a clerk checks codes, also without a network."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated
from unicodedata import normalize

import typer

from eid.cli.ports import check_free
from eid.cli.signed_lists import STATUS_HELP, named_list, source
from eid.errors import EidError, FormatError, SettingsError

if TYPE_CHECKING:
    from collections.abc import Callable
    from wsgiref.types import WSGIApplication

    from eid.keys import JSON
    from eid.qr.issuers import IssuerKey
    from eid.qr.verifier.settings import PageSettings

DEFAULT_PORT = 8710
_MAX_KEYS = 64 * 1024
_KID = re.compile(r"(?:[0-9a-f]{2}){1,32}")
_KEY_HELP = 'JSON file {"issuer": URL, "keys": [JWK …]}'


def verifier(  # noqa: PLR0913 - the options of a command
    *,
    issuer: Annotated[
        list[Path] | None, typer.Option(help=f"An issuer believed directly: {_KEY_HELP}.")
    ] = None,
    publisher: Annotated[
        list[Path] | None, typer.Option(help=f"Who signs the trust list: {_KEY_HELP}.")
    ] = None,
    trust_list: Annotated[str | None, typer.Option(help="The trust list: file or URL.")] = None,
    status: Annotated[
        list[str] | None,
        typer.Option(help=f"{STATUS_HELP} May be repeated."),
    ] = None,
    audience: Annotated[
        str | None, typer.Option(help="This place's name in presence codes, usually a URL.")
    ] = None,
    where: Annotated[
        str, typer.Option(help="Words in the question to the person: the desk or ward.")
    ] = "",
    purpose: Annotated[
        str, typer.Option(help="Words in the question to the person: what it is for.")
    ] = "",
    max_stale_hours: Annotated[
        float, typer.Option(min=0, max=8760, help="How long lists count past their own time.")
    ] = 0,
    max_age_days: Annotated[
        float | None, typer.Option(min=0, max=36500, help="Refuse credentials older than this.")
    ] = None,
    require_status: Annotated[
        bool, typer.Option("--require-status", help="Refuse codes without a status list.")
    ] = False,
    port: Annotated[int, typer.Option(min=1, max=65535, help="Loopback port.")] = DEFAULT_PORT,
    export: Annotated[
        Path | None, typer.Option(help="Write the page there for an https host, serve nothing.")
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print a JSON document: the lists and the place.")
    ] = False,
) -> int:
    """Serve the verifier page on this machine, or export it.

    Open it in the browser once; from then on it works without a network.
    """
    from eid.qr.verifier.settings import PageSettings
    from eid.qr.verifier.site import export_site

    named = dict(named_list(one) for one in status or [])
    settings = PageSettings(
        publishers=_keys(publisher or []),
        issuers=_keys(issuer or []),
        status_uris=tuple(named),
        audience=None if audience is None else normalize("NFC", audience),
        place=normalize("NFC", where),
        purpose=normalize("NFC", purpose),
        max_stale=timedelta(hours=max_stale_hours),
        max_age=None if max_age_days is None else timedelta(days=max_age_days),
        require_status=require_status,
    )
    places = _places(settings, trust_list, named)
    lists = _report(settings, places)
    if export is not None:
        size = export_site(export, settings.to_json(), _sources(places))
        _say({"folder": str(export), "bytes": size, "lists": lists}, as_json=as_json)
        typer.echo(f"Wrote {size} bytes to {export}.", err=True)
        return 0
    check_free("127.0.0.1", port)
    url = f"http://127.0.0.1:{port}/"
    _say({"url": url, "lists": lists}, as_json=as_json)
    typer.echo(f"The verifier page is at {url} (Ctrl-C ends it).", err=True)
    _serve(port, settings.to_json(), places)
    return 0


def _places(
    settings: PageSettings, trust_list: str | None, named: dict[str, str]
) -> dict[str, str]:
    """Where each list of the page comes from, by its path on the page."""
    from eid.qr.verifier.settings import TRUST_PATH

    if bool(settings.publishers) != (trust_list is not None):
        raise SettingsError(
            "--trust-list and --publisher go together.", code="settings.qr_verifier"
        )
    places = {path: named[uri] for path, uri in settings.status_paths.items()}
    if trust_list is not None:
        places[TRUST_PATH] = trust_list
    return places


def _sources(places: dict[str, str]) -> dict[str, Callable[[], bytes]]:
    return {path: source(place) for path, place in places.items()}


def _keys(files: list[Path]) -> tuple[IssuerKey, ...]:
    return tuple(key for file in files for key in read_issuer_keys(file))


def read_issuer_keys(file: Path) -> tuple[IssuerKey, ...]:
    """The keys of one issuer from ``{"issuer": URL, "keys": [JWK …]}``; ``FormatError``, OSError.

    Instead of a JWK an entry may be ``{"kid": hex, "spki": base64url}``: the DER public key of
    somebody whose codes name it otherwise than ours do.
    """
    from eid.keys import parse_json_object

    with file.open("rb") as opened:
        content = parse_json_object(opened.read(_MAX_KEYS + 1), max_size=_MAX_KEYS)
    issuer, keys = content.get("issuer"), content.get("keys")
    if not isinstance(issuer, str) or not isinstance(keys, list) or not keys:
        raise FormatError("The file names no issuer with keys.", code="qr.issuer_keys")
    jwks = [jwk for jwk in keys if isinstance(jwk, dict)]
    if len(jwks) != len(keys):
        raise FormatError("The file names no issuer with keys.", code="qr.issuer_keys")
    return tuple(_issuer_key(issuer, jwk) for jwk in jwks)


def _issuer_key(issuer: str, entry: dict[str, JSON]) -> IssuerKey:
    from eid.keys import decode_base64url
    from eid.qr.issuers import IssuerKey

    if "spki" not in entry:
        return IssuerKey.from_jwk(issuer, entry)
    kid, spki = entry.get("kid"), entry["spki"]
    if entry.keys() != {"kid", "spki"} or not isinstance(kid, str) or not isinstance(spki, str):
        raise FormatError("A key is neither JWK nor kid and spki.", code="qr.issuer_keys")
    if not _KID.fullmatch(kid):
        raise FormatError("A kid is up to 32 bytes in hexadecimal.", code="qr.issuer_keys")
    return IssuerKey.foreign(issuer, bytes.fromhex(kid), decode_base64url(spki))


def _say(report: dict[str, JSON], *, as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps(report, ensure_ascii=False, indent=2))


def _report(settings: PageSettings, places: dict[str, str]) -> list[JSON]:
    """Say of each list what it is worth now; the page judges it again itself."""
    from eid.qr.issuers import IssuerKeys
    from eid.qr.status import verify_list
    from eid.qr.trust_list import verify_trust_list
    from eid.qr.verifier.settings import TRUST_PATH

    at = datetime.now(UTC)
    keys = list(settings.issuers)
    report: list[JSON] = []
    for path in sorted(places, key=lambda one: one != TRUST_PATH):
        one: dict[str, JSON] = {"path": path, "source": places[path], "code": None}
        try:
            data = source(places[path])()
            if path == TRUST_PATH:
                trust = verify_trust_list(
                    data, IssuerKeys.of(settings.publishers), at=at, max_stale=settings.max_stale
                )
                keys += trust.keys.keys
                edition = trust.edition
                one["good_until"] = edition.expires_at.isoformat()
                said = f"trust list {edition.version}, good until {edition.expires_at:%Y-%m-%d %H:%MZ}"
            else:
                uri = settings.status_paths[path]
                listed = verify_list(
                    data, IssuerKeys.of(keys), uri=uri, at=at, max_stale=settings.max_stale
                )
                one["good_until"] = listed.fresh_until.isoformat()
                said = f"status list {uri}, good until {listed.fresh_until:%Y-%m-%d %H:%MZ}"
        except (EidError, OSError) as e:
            code = e.code if isinstance(e, EidError) else "system"
            said = f"warning: the list at {places[path]} is of no use now ({code})"
            one["code"] = code
        report.append(one)
        typer.echo(f"eid: {said}", err=True)
    return report


def _serve(port: int, config: bytes, places: dict[str, str]) -> None:
    from granian.constants import Interfaces
    from granian.log import LogLevels
    from granian.server import Server

    server = Server(
        "qr-verifier",
        address="127.0.0.1",
        port=port,
        interface=Interfaces.WSGI,
        workers=1,
        blocking_threads=4,
        log_level=LogLevels.warning,
        log_access=False,
        websockets=False,
        respawn_failed_workers=True,
    )
    server.serve(target_loader=partial(_load, config, places), wrap_loader=False)


def _load(config: bytes, places: dict[str, str]) -> WSGIApplication:
    from eid.qr.verifier.site import create_site

    return create_site(config, _sources(places))
