"""`eid kiosk` as a process at a real pcscd: cards, an early lift, and the service killed and back."""

from __future__ import annotations

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from eid.app.kiosk_setup import Wanted, set_up
from eid.oidc.kiosks import invite
from eid.testing.card_image import CardImage
from eid.testing.faults import Fault, pulled
from eid.testing.virtual_reader import VirtualReader, unavailable_reason

from ..kiosk.field import NUMBER, Field, in_the_field


class Screen:
    """The kiosk's pages as a browser without scripts sees them."""

    def __init__(self, listen: str, process: subprocess.Popen[bytes]) -> None:
        self.origin = f"http://{listen}"
        self.process = process

    def page(self) -> str:
        return requests.get(self.origin + "/", timeout=60).text

    @property
    def shown(self) -> str:
        found = re.search(r'data-screen="([a-z_]+)"', self.page())
        assert found
        return found[1]

    def act(self, name: str, **form: str) -> None:
        token = re.search(r'name="form_token" value="([^"]+)"', self.page())
        assert token
        answer = requests.post(
            f"{self.origin}/do/{name}",
            data={"form_token": token[1], **form},
            headers={"Origin": self.origin},
            timeout=60,
        )
        assert answer.status_code == 200

    def until(self, screen: str) -> None:
        """Wait for a screen; whatever else was shown meanwhile is named when it does not come."""
        limit, seen = time.monotonic() + 50, []
        while (shown := self.shown) != screen:
            if shown not in seen[-1:]:
                code = re.search(r'id="error-code">([^<]+)<', self.page())
                seen += [shown, code[1]] if code else [shown]
            assert time.monotonic() < limit, seen
            assert self.process.poll() is None
            time.sleep(0.1)

    def put_down(
        self, reader: VirtualReader, image: CardImage, wanted: str, *faults: Fault
    ) -> None:
        """Put the card down until the wanted screen comes; a person may have to do it again.

        A card that comes before the kiosk looks counts as one that lay there already.
        """
        for _ in range(4):
            self.until("present")
            reader.insert(image, faults=faults)
            while (shown := self.shown) in {"present", "reading"}:
                time.sleep(0.1)
            if shown == wanted:
                return
            reader.remove()
            self.act("again")
        raise AssertionError(shown)

    def come(self) -> None:
        self.act("begin")
        self.act("agree", agree="yes")
        self.act("number", number=NUMBER)


@pytest.fixture
def field(tmp_path: Path) -> Iterator[Field]:
    pytest.importorskip("smartcard")
    reason = unavailable_reason()
    if reason is not None:
        pytest.skip(reason)
    with in_the_field(tmp_path) as found:
        yield found


@pytest.fixture
def reader_folder() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="eid-"))
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


def start(field: Field, folder: Path, reader: VirtualReader) -> Screen:
    with socket.create_server(("127.0.0.1", 0)) as server:
        listen = f"127.0.0.1:{server.getsockname()[1]}"
    provider = field.installation.provider(clock=field.clock.server)
    set_up(
        Wanted(
            issuer=field.issuer, folder=folder, organisation="X", purpose="Y", listen=listen,
            insecure_virtual_reader=True,
        ),
        invite(provider, "PC/SC", by="test", at=field.clock.server()),
    )  # fmt: skip
    process = subprocess.Popen(
        [sys.executable, "-m", "eid.cli", "kiosk", "--config", str(folder / "kiosk.toml")],
        env={**os.environ, **reader.environment},
        stderr=subprocess.DEVNULL,
    )
    screen, limit = Screen(listen, process), time.monotonic() + 120
    while True:
        try:
            screen.page()
        except requests.ConnectionError:
            assert process.poll() is None
            assert time.monotonic() < limit
            time.sleep(0.1)
        else:
            return screen


def test_visits_at_a_real_reader_and_through_the_death_of_its_service(
    field: Field, reader_folder: Path, tmp_path: Path
) -> None:
    with VirtualReader.start(reader_folder) as first:
        screen = start(field, tmp_path / "kiosk-pcsc", first)
        try:
            screen.come()
            screen.put_down(first, field.image, "done")
            first.remove()
            screen.until("welcome")  # taking the card away ends the visit
            screen.come()
            screen.put_down(first, field.image, "lifted", pulled(9))
            first.remove()
            first.insert(field.image)
            first.insert(field.image, slot=1)  # lies there when the other one is put down
            screen.act("again")
            screen.until("present")
            first.remove()
            screen.put_down(first, field.image, "two_cards")
            first.remove()
            first.remove(slot=1)
            screen.act("again")
            screen.until("present")
            os.kill(first.process_id, signal.SIGKILL)
            screen.until("service_down")
            with VirtualReader.start(reader_folder) as second:
                screen.until("present")  # by itself, once the service is back
                screen.put_down(second, field.image, "done")
        finally:
            screen.process.send_signal(signal.SIGTERM)
            screen.process.wait(120)
    assert len(field.received()) == 2
