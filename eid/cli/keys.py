"""`eid keys`: the provider's signing keys, published ahead and rotated without a gap."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from eid.keys import KeyRing

_Config = Annotated[Path, typer.Option(help="The settings file, eid.toml.")]
keys = typer.Typer(help="Signing keys: status, rehearse, rotate.", no_args_is_help=True)


@keys.command()
def status(*, config: _Config) -> int:
    """Show every signing key: purpose, state, since when, algorithm, key id."""
    from eid.app import Settings
    from eid.app.live_keys import signing_purposes
    from eid.app.secret_source import opened_keys
    from eid.keys import load_ring

    settings = Settings.load(config, os.environ)
    with opened_keys(settings) as opened:
        for purpose, alg in signing_purposes():
            ring = load_ring(opened.folder, purpose, alg)
            for line in _lines(settings.data_dir, purpose, ring):
                typer.echo(line)
    return 0


@keys.command()
def rehearse(
    *,
    config: _Config,
    ahead: Annotated[
        int, typer.Option(help="Hours that a key is published before it is used.")
    ] = 24,
) -> int:
    """Say what a rotation would do and whether it is time, and try the next keys. Changes nothing."""
    from eid.app import Settings
    from eid.app.live_keys import signing_purposes
    from eid.app.secret_source import opened_keys
    from eid.keys import JwkSet, load_ring, sign_jwt, verify_jws

    settings = Settings.load(config, os.environ)
    now, early = datetime.now(UTC), 0
    with opened_keys(settings) as opened:
        for purpose, alg in signing_purposes():
            ring = load_ring(opened.folder, purpose, alg)
            token = sign_jwt({"iat": int(now.timestamp())}, ring.next, typ="JWT")
            verify_jws(token, JwkSet.of(*ring.published), typ="JWT")
            wait = _too_early(settings.data_dir, purpose, ahead, now)
            early += wait is not None
            word = "would rotate" if wait is None else f"too early, wait {wait} h"
            typer.echo(f"{purpose}: {word}: {ring.current.kid} -> {ring.next.kid}")
    return 1 if early else 0


@keys.command()
def rotate(
    *,
    config: _Config,
    purpose: Annotated[str, typer.Option(help="One purpose only, as in the status.")] = "",
    ahead: Annotated[int, typer.Option(help="Hours that a key must have been published.")] = 24,
    overlap: Annotated[int, typer.Option(help="Hours that the old key stays published.")] = 168,
    compromised: Annotated[
        bool, typer.Option("--compromised", help="Drop the old key and all retired ones at once.")
    ] = False,
) -> int:
    """Sign with the next key from now on; running providers see it within twenty seconds."""
    from eid import app
    from eid.app.live_keys import signing_purposes
    from eid.errors import SettingsError
    from eid.keys import load_ring
    from eid.keys.ring import rotate as rotate_ring
    from eid.oidc.ports import AuditEvent

    settings, now = app.Settings.load(config, os.environ), datetime.now(UTC)
    chosen = [item for item in signing_purposes() if purpose in {"", item[0]}]
    if not chosen:
        raise SettingsError("There is no such purpose.", code="keys.purpose", key="purpose")
    with app.open_installation(settings) as installation:
        rings = {name: load_ring(installation.keys, name, alg) for name, alg in chosen}
        for name in rings:
            wait = _too_early(settings.data_dir, name, ahead, now)
            if wait is not None and not compromised:
                raise SettingsError(
                    f"The next key of {name} must be published {wait} hours longer.",
                    code="keys.too_early",
                    key="ahead",
                )
        for name, alg in chosen:
            rotate_ring(
                settings.data_dir,
                name,
                at=now,
                overlap=timedelta(hours=overlap),
                compromised=compromised,
            )
            ring = load_ring(installation.keys, name, alg)
            detail = {"purpose": name, "kid": ring.current.kid, "old": rings[name].current.kid}
            event = AuditEvent(kind="keys.rotated", at=now, detail=detail)
            installation.audit.record([event])
            typer.echo(f"{name}: {rings[name].current.kid} -> {ring.current.kid}")
    return 0


def _too_early(data_dir: Path, purpose: str, ahead: int, now: datetime) -> int | None:
    """The hours to wait before the next key may be used; None if it is time."""
    from eid.keys.ring import published_since

    left = published_since(data_dir, purpose) + timedelta(hours=ahead) - now
    return None if left <= timedelta(0) else int(left.total_seconds() // 3600) + 1


def _lines(data_dir: Path, purpose: str, ring: KeyRing) -> list[str]:
    from eid.keys.ring import published_since

    since = published_since(data_dir, purpose).strftime("%Y-%m-%dT%H:%MZ")
    return [
        f"{purpose}\tcurrent\t{ring.current.alg}\t{ring.current.kid}",
        f"{purpose}\tnext\t{ring.next.alg}\t{ring.next.kid}\tpublished since {since}",
        *(f"{purpose}\tretired\t{key.alg}\t{key.kid}" for key in ring.retired),
    ]
