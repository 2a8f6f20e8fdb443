"""Set-up of a kiosk in one command: enrol, write its files, fetch its first day.

What is written: ``kiosk.toml``; under ``data/`` the kiosk's key, the server's public key and the
day; a systemd unit for the program and one for the screen; Chromium's policies and a launcher.
Nothing is installed: the files say where they belong, and root puts them there.
"""

from __future__ import annotations

import json
import shlex
import sys
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from eid.app.kiosk import SERVER_KEY, load_identity
from eid.errors import SettingsError
from eid.keys import canonical_json, load_or_create_signing_key
from eid.kiosk.day import DayBook, write_file
from eid.kiosk.enrolled import EnrolledSettings
from eid.kiosk.line import ServerLine, enrol
from eid.kiosk.settings import AgentSettings, PinnedIssuer

UNIT = "eid-kiosk.service"
SCREEN_UNIT = "eid-kiosk-screen.service"
POLICY = "chromium-policy.json"
LAUNCHER = "eid-kiosk-screen"


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What the person who sets a kiosk up says of it."""

    issuer: str
    folder: Path
    organisation: str
    purpose: str
    listen: str = "127.0.0.1:35970"
    reader: str | None = None
    languages: tuple[str, ...] = ("vi", "en")
    portrait: bool = False
    insecure_virtual_reader: bool = False


def set_up(
    wanted: Wanted, code: str, *, clock: Callable[[], datetime] = lambda: datetime.now(UTC)
) -> AgentSettings:
    """Enrol with an invitation and write everything; the settings as they will be read.

    SettingsError ``kiosk.there`` where a kiosk was set up before: its key is never replaced.
    """
    target = wanted.folder / "kiosk.toml"
    if target.exists():
        raise SettingsError(
            "A kiosk was set up here before.",
            code="kiosk.there",
            file=str(target),
            expected="an empty folder",
        )
    _check(wanted)
    data = wanted.folder / "data"
    key = load_or_create_signing_key(data, "kiosk")
    kiosk_id, _name, server_jwk = enrol(wanted.issuer, code, key, at=clock())
    write_file(data / SERVER_KEY, canonical_json(server_jwk))
    write_file(target, _toml(wanted, kiosk_id).encode())
    settings = AgentSettings.load(target)
    own = settings.kiosk
    if own is None:
        raise SettingsError("The settings could not be written.", file=str(target))
    DayBook(own.data_dir, clock=clock).keep(
        ServerLine(load_identity(own, wanted.issuer), clock=clock).day()
    )
    for name, text in machine_files(settings, wanted.folder).items():
        write_file(wanted.folder / name, text.encode())
    (wanted.folder / LAUNCHER).chmod(0o755)
    return settings


def machine_files(settings: AgentSettings, folder: Path) -> dict[str, str]:
    """Units, policies and launcher of a kiosk, by name."""
    return {
        UNIT: _unit(folder.resolve()),
        SCREEN_UNIT: _screen_unit(),
        POLICY: json.dumps(policies(settings), indent=2) + "\n",
        LAUNCHER: _launcher(settings),
    }


def policies(settings: AgentSettings) -> dict[str, object]:
    """Chromium's policies: the kiosk's own pages and the provider's, and nothing is remembered."""
    allowed = [settings.origin, *(issuer.origin for issuer in settings.issuers)]
    return {
        "URLBlocklist": ["*"],
        "URLAllowlist": allowed,
        "HomepageLocation": settings.origin + "/",
        "IncognitoModeAvailability": 2,
        "BrowserSignin": 0,
        "SyncDisabled": True,
        "PasswordManagerEnabled": False,
        "AutofillAddressEnabled": False,
        "AutofillCreditCardEnabled": False,
        "SavingBrowserHistoryDisabled": True,
        "DownloadRestrictions": 3,
        "PrintingEnabled": False,
        "DeveloperToolsAvailability": 2,
        "ExtensionInstallBlocklist": ["*"],
        "DefaultGeolocationSetting": 2,
        "DefaultNotificationsSetting": 2,
        "AudioCaptureAllowed": False,
        "VideoCaptureAllowed": False,
        "SearchSuggestEnabled": False,
        "SafeBrowsingProtectionLevel": 0,
        "MetricsReportingEnabled": False,
        "TranslateEnabled": False,
        "SpellcheckEnabled": False,
        "DnsPrefetchingEnabled": False,
        "NetworkPredictionOptions": 2,
        "BackgroundModeEnabled": False,
    }


def _check(wanted: Wanted) -> None:
    """Refuse what would not be read back, before the invitation is used up."""
    AgentSettings(
        listen=wanted.listen,
        issuers=(PinnedIssuer(issuer=wanted.issuer),),
        reader=wanted.reader,
        insecure_virtual_reader=wanted.insecure_virtual_reader,
        kiosk=EnrolledSettings(
            id="-",
            organisation=wanted.organisation,
            purpose=wanted.purpose,
            data_dir=wanted.folder,
            languages=wanted.languages,
        ),
    )


def _toml(wanted: Wanted, kiosk_id: str) -> str:
    text = json.dumps  # a JSON string is a TOML basic string
    lines = [f"listen = {text(wanted.listen)}"]
    if wanted.reader:
        lines.append(f"reader = {text(wanted.reader)}")
    if wanted.insecure_virtual_reader:
        lines.append("insecure_virtual_reader = true")
    lines += [
        "",
        "[[issuers]]",
        f"issuer = {text(wanted.issuer)}",
        "",
        "[kiosk]",
        f"id = {text(kiosk_id)}",
        f"organisation = {text(wanted.organisation)}",
        f"purpose = {text(wanted.purpose)}",
        'data_dir = "data"',
        f"languages = {text(list(wanted.languages))}",
        f"portrait = {'true' if wanted.portrait else 'false'}",
    ]
    return "\n".join(lines) + "\n"


def _unit(folder: Path) -> str:
    program = Path(sys.executable).with_name("eid")
    return f"""# Copy to /etc/systemd/system/{UNIT}, then: systemctl enable --now {UNIT}
[Unit]
Description=eid kiosk: card agent, screens and queue of this machine
After=network.target pcscd.socket
Wants=pcscd.socket

[Service]
ExecStart={program} kiosk --config {folder}/kiosk.toml
User=eid-kiosk
UMask=0077
Restart=always
RestartSec=2
NoNewPrivileges=yes
CapabilityBoundingSet=
ProtectSystem=strict
ProtectHome=read-only
ReadWritePaths={folder}/data
PrivateTmp=yes
PrivateDevices=yes
ProtectKernelTunables=yes
ProtectKernelModules=yes
ProtectControlGroups=yes
RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6
RestrictNamespaces=yes
LockPersonality=yes
MemoryDenyWriteExecute=yes
SystemCallArchitectures=native
LimitCORE=0

[Install]
WantedBy=multi-user.target
"""


def _screen_unit() -> str:
    return f"""# Copy to /etc/systemd/system/{SCREEN_UNIT}; the user eid-screen has a graphical seat
[Unit]
Description=The screen of the eid kiosk
After=graphical.target {UNIT}
Requires={UNIT}

[Service]
ExecStart=/usr/local/bin/{LAUNCHER}
User=eid-screen
Restart=always
RestartSec=2

[Install]
WantedBy=graphical.target
"""


def _launcher(settings: AgentSettings) -> str:
    return f"""#!/bin/sh
# Copy to /usr/local/bin/{LAUNCHER}. The policies lie in
# /etc/chromium/policies/managed/eid-kiosk.json (from {POLICY}).
# The profile lives in memory and is thrown away each time.
set -eu
profile=$(mktemp -d "${{XDG_RUNTIME_DIR:-/tmp}}/eid-screen.XXXXXX")
trap 'rm -rf "$profile"' EXIT INT TERM
chromium --kiosk --incognito --user-data-dir="$profile" --disk-cache-dir="$profile" \\
  --no-first-run --noerrdialogs --disable-infobars --disable-session-crashed-bubble \\
  --disable-background-networking --disable-component-update --disable-sync \\
  --disable-pinch --overscroll-history-navigation=0 --disable-features=Translate \\
  {shlex.quote(settings.origin + "/")}
"""
