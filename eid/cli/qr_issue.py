"""`eid qr issue`: from a chip that was just read to a signed code."""

from __future__ import annotations

import json
import secrets
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from eid.cli import inputs
from eid.cli.files import write_private
from eid.errors import FormatError, SettingsError

if TYPE_CHECKING:
    from eid.chip.verify import VerifiedCard
    from eid.keys import SigningKey
    from eid.qr.claim169 import Identity
    from eid.qr.cose import Signer
    from eid.qr.credential import StatusReference
    from eid.qr.render import ErrorCorrection, Symbol

_KINDS = ("identity", "insurance", "age-over")


def issue(  # noqa: PLR0913 - one parameter per option
    evidence: Annotated[Path, typer.Argument(help="Evidence file of a chip read within a day.")],
    *,
    trust: Annotated[Path, typer.Option(help="Trust folder: csca/, link/, ds/, crl/.")],
    challenge: Annotated[str, typer.Option(help="The challenge that you gave, 16 hex digits.")],
    out: Annotated[Path, typer.Option(help="Where to write: .png, .svg or .txt (mode 0600).")],
    config: Annotated[
        Path | None, typer.Option(help="eid.toml: its issuer, QR key and status register.")
    ] = None,
    key: Annotated[
        Path | None, typer.Option(help="Instead: a PEM file with a P-256 or Ed25519 key.")
    ] = None,
    issuer: Annotated[str | None, typer.Option(help="With --key: the issuer's URL.")] = None,
    kind: Annotated[str, typer.Option(help="identity, insurance or age-over.")] = "identity",
    include: Annotated[
        list[str] | None,
        typer.Option(help="One more field, such as number; never written unless asked."),
    ] = None,
    years: Annotated[int, typer.Option(min=1, max=150, help="For age-over.")] = 18,
    insurance_number: Annotated[
        str | None, typer.Option(help="For insurance; - reads it from standard input.")
    ] = None,
    portrait: Annotated[bool, typer.Option("--portrait", help="With a small portrait.")] = False,
    days: Annotated[int, typer.Option(min=1, max=3660, help="How long it is valid.")] = 90,
    error_correction: Annotated[
        str | None, typer.Option(help="L, M, Q or H; by default M, with a portrait L.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print a JSON document.")] = False,
) -> int:
    """Issue a credential as a QR code for a card that has proven to be the original.

    Exit code 0 issued, 1 refused, 2 unusable input.
    """
    from eid.qr.from_card import issue_for

    card = verified_card(evidence, trust, challenge)
    what = _identity(
        card, kind, include=include or [], portrait=portrait, years=years,
        insurance_number=insurance_number,
    )  # fmt: skip
    signer, name, place = _signer(config, key, issuer)
    now = datetime.now(UTC)
    ends = now + timedelta(days=days)
    text = issue_for(
        card, what, issuer=name, key=signer, at=now, expires_at=ends,
        subject=secrets.token_bytes(16), status=place,
    )  # fmt: skip
    symbol = write_code(out, text, _level(error_correction, portrait=portrait))
    report = {
        "file": str(out),
        "issuer": name,
        "characters": len(text),
        "version": symbol.version,
        "side_mm": round(symbol.side_mm, 1),
        "expires_at": ends.isoformat(timespec="seconds"),
        "status": None if place is None else {"uri": place.uri, "index": place.index},
    }
    if as_json:
        typer.echo(json.dumps(report, ensure_ascii=False, indent=2))
    else:
        typer.echo(
            f"Wrote {out}: version {symbol.version}, to be printed at {report['side_mm']} mm or"
            " larger, quiet zone included. It proves nothing about who shows it."
        )
    return 0


def verified_card(evidence: Path, trust: Path, challenge: str) -> VerifiedCard:
    """Judge a file of evidence that should answer *challenge*."""
    from eid.chip.evidence import MAX_BYTES, Evidence
    from eid.chip.verify import verify

    with evidence.open("rb") as file:
        read = Evidence.from_json(file.read(MAX_BYTES + 1))
    return verify(
        read,
        inputs.trust_store(trust),
        at=datetime.now(UTC),
        challenge=inputs.challenge(challenge),
    )


def _identity(
    card: VerifiedCard,
    kind: str,
    *,
    include: list[str],
    portrait: bool,
    years: int,
    insurance_number: str | None,
) -> Identity:
    from eid.qr.from_card import DEFAULT_FIELDS, OPTIONAL_FIELDS, identity_of
    from eid.qr.small import age_over, insurance

    picture = _portrait(card) if portrait else None
    if kind == "age-over":
        return age_over(card, years, portrait=picture)
    if kind == "insurance":
        if insurance_number is None:
            raise FormatError("Name the --insurance-number.", code="input.insurance")
        return insurance(card, inputs.secret(insurance_number), portrait=picture)
    if kind != "identity":
        raise FormatError(f"Known kinds are {', '.join(_KINDS)}.", code="input.kind")
    unknown = set(include) - OPTIONAL_FIELDS - DEFAULT_FIELDS
    if unknown:
        known = ", ".join(sorted(OPTIONAL_FIELDS))
        raise FormatError(f"Fields that can be included: {known}.", code="input.field")
    return identity_of(card, include=DEFAULT_FIELDS | set(include), portrait=picture)


def _portrait(card: VerifiedCard) -> bytes:
    from eid.chip.lds.dg2 import parse_dg2
    from eid.qr.portrait import shrink

    data = card.files.get("EF.DG2")
    if data is None:
        raise FormatError("The evidence holds no portrait.", code="input.portrait")
    return shrink(parse_dg2(data).image)


def _signer(
    config: Path | None, key: Path | None, issuer: str | None
) -> tuple[SigningKey | Signer, str, StatusReference | None]:
    """The key, the issuer's name, and a place in its status list."""
    if config is not None and key is None and issuer is None:
        from eid.app.qr_lists import allocate
        from eid.app.settings import Settings

        return allocate(Settings.load(config))
    if config is not None or key is None or issuer is None:
        raise SettingsError(
            "Name --config, or --key together with --issuer.", code="settings.qr_issue"
        )
    return _pem(key), issuer, None


def signer_of_options(
    config: Path | None, key: Path | None, issuer: str | None
) -> tuple[SigningKey | Signer, str]:
    """The key and the issuer's name, without a place in a status list."""
    if config is not None and key is None and issuer is None:
        from eid.app.qr_lists import qr_key
        from eid.app.settings import Settings

        settings = Settings.load(config)
        return qr_key(settings), settings.issuer
    return _signer(config, key, issuer)[:2]


def _pem(path: Path) -> Signer:
    from cryptography.hazmat.primitives.asymmetric import ec, ed25519
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    from eid.qr.signers import SoftwareSigner

    try:
        loaded = load_pem_private_key(path.read_bytes(), password=None)
    except (ValueError, TypeError) as e:
        raise FormatError("The key file is no open PEM private key.", code="qr.key") from e
    if not isinstance(loaded, ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey):
        raise FormatError("Signed codes use P-256 or Ed25519 keys.", code="qr.key")
    try:
        return SoftwareSigner.of(loaded)
    except ValueError as e:
        raise FormatError("Signed codes use P-256 or Ed25519 keys.", code="qr.key") from e


def _level(named: str | None, *, portrait: bool) -> ErrorCorrection:
    match named or ("L" if portrait else "M"):
        case "L" | "M" | "Q" | "H" as level:
            return level
        case _:
            raise FormatError("Error correction is L, M, Q or H.", code="input.error_correction")


def write_code(out: Path, text: str, level: ErrorCorrection) -> Symbol:
    """Draw *text* to *out*, as its suffix says; ``FormatError`` ``input.out``, OSError."""
    from eid.qr import render

    symbol = render.plan(text, error_correction=level)
    match out.suffix.lower():
        case ".png":
            data = render.png(symbol)
        case ".svg":
            data = render.svg(symbol).encode()
        case ".txt":
            data = text.encode() + b"\n"
        case _:
            raise FormatError("The file must end in .png, .svg or .txt.", code="input.out")
    write_private(out, data)
    return symbol
