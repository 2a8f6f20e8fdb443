"""A real pcscd with a virtual reader, private to the caller: nothing is installed or exposed.

pcscd, the driver and the card run in their own user, mount, network and process namespaces; only
pcscd's unix socket comes out. Boxes of parallel runs do not meet, and end with their owner.

A program that reads through this reader sets ``environment`` **before** its first PC/SC call:
the client library looks once::

    with VirtualReader.start() as reader:
        os.environ.update(reader.environment)
        reader.insert(image)
        ...
        reader.remove()
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Collection, Mapping
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from eid.errors import ReaderError
from eid.testing.box import SLOTS
from eid.testing.card_image import CardImage
from eid.testing.faults import Fault

_LIBRARY: Final = "usr/lib/pcsc/drivers/serial"
_UNSHARE: Final = ("unshare", "-m", "-n", "-p", "-f", "--mount-proc", "--kill-child")
_START_S: Final = 30.0
_ORDER_S: Final = 60.0
_STOP_S: Final = 3.0
_MAX_SOCKET_PATH: Final = 107
_OWN_FOLDER: Final = "box"
_SOCKET: Final = "run/pcscd.comm"


def find_driver() -> Path | None:
    """The unpacked vpcd driver: in ``$EID_VPCD``, or beside the environment in ``.eid/vpcd``."""
    root = Path(os.environ.get("EID_VPCD") or Path(sys.prefix).parent / ".eid" / "vpcd")
    candidates = (root, *sorted((root / _LIBRARY).glob("libifdvpcd.so*")))
    return next((found.resolve() for found in candidates if found.is_file()), None)


def unavailable_reason() -> str | None:
    """Why no virtual reader can run here, in one sentence, or None if it can."""
    if not sys.platform.startswith("linux"):
        return "The virtual reader needs Linux."
    for program, package in (("pcscd", "pcscd"), ("unshare", "util-linux"), ("mount", "mount")):
        if shutil.which(program, path=_path()) is None:
            return f"{program} is missing (Debian package {package})."
    if find_driver() is None:
        return "The virtual-reader driver is not unpacked (make prepares it in .eid/vpcd)."
    return "Namespaces are not allowed here." if _namespaces() is None else None


class VirtualReader:
    """A running box with one virtual reader of two slots; use :meth:`start`."""

    def __init__(self, workdir: Path, box: subprocess.Popen[str], *, temporary: bool) -> None:
        self._workdir = workdir
        self._box = box
        self._temporary = temporary
        self._turn = threading.Lock()

    @classmethod
    def start(cls, workdir: Path | None = None) -> Self:
        """Start pcscd in a new box; ReaderError if it cannot run.

        In ``workdir`` (made if absent) a private folder appears, with pcscd's socket inside at
        :func:`socket_in`. Without it, or if its path is too long for a socket, a temporary
        folder is used and removed.
        """
        reason = unavailable_reason()
        if reason is not None:
            raise ReaderError(reason, code="reader.virtual_unavailable")
        given = workdir is not None and _fits(workdir)
        folder = workdir if workdir and given else _temporary_folder()
        reader = cls(folder, _launch(folder), temporary=not given)
        try:
            reader._answer(_START_S)
        except ReaderError:
            reader.stop()
            raise
        return reader

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    @property
    def names(self) -> tuple[str, str]:
        """PC/SC names of the two slots."""
        return SLOTS

    @property
    def socket_path(self) -> Path:
        """Socket of pcscd, usable from outside the box by its owner."""
        return socket_in(self._workdir)

    @property
    def environment(self) -> Mapping[str, str]:
        """What a program must have in its environment to reach this pcscd."""
        return {"PCSCLITE_CSOCK_NAME": str(self.socket_path)}

    @property
    def process_id(self) -> int:
        """Process that holds the box; nothing of the box outlives it."""
        return self._box.pid

    def insert(
        self,
        image: CardImage,
        *,
        faults: Collection[Fault | str] = (),
        extended: bool = True,
        slot: int = 0,
        wait: bool = True,
    ) -> None:
        """Put a card in, replacing the one in the slot; returns when pcscd has seen it.

        ``wait`` False swaps cards faster than pcscd notices.
        """
        self._order(
            do="insert",
            slot=slot,
            image=json.loads(image.to_json()),
            faults=[f if isinstance(f, str) else f.to_text() for f in faults],
            extended=extended,
            wait=wait,
        )

    def remove(self, *, slot: int = 0, wait: bool = True) -> None:
        """Take the card out; returns when pcscd has seen the slot EMPTY, unless told not to."""
        self._order(do="remove", slot=slot, wait=wait)

    def commands(self, *, slot: int = 0) -> int:
        """How many commands the card in the slot has had since it was inserted."""
        count = self._order(do="status", slot=slot)["commands"]
        return count if isinstance(count, int) else 0

    def stop(self) -> None:
        """End the box and everything in it; may be called twice."""
        for stream in (self._box.stdin, self._box.stdout):
            if stream is not None:
                with contextlib.suppress(OSError):
                    stream.close()
        try:
            self._box.wait(_STOP_S)
        except subprocess.TimeoutExpired:
            self._box.kill()
            self._box.wait()
        shutil.rmtree(self._workdir / _OWN_FOLDER, ignore_errors=True)
        if self._temporary:
            shutil.rmtree(self._workdir, ignore_errors=True)

    def _order(self, **order: object) -> dict[str, object]:
        assert self._box.stdin is not None
        with self._turn:
            try:
                self._box.stdin.write(json.dumps(order) + "\n")
                self._box.stdin.flush()
            except (OSError, ValueError) as e:
                raise ReaderError("The virtual reader has ended.", code="reader.box_ended") from e
            return self._answer(_ORDER_S)

    def _answer(self, timeout: float) -> dict[str, object]:
        assert self._box.stdout is not None
        ready, _, _ = select.select([self._box.stdout], [], [], timeout)
        line = self._box.stdout.readline() if ready else ""
        if not line:
            self._box.kill()
            raise ReaderError("The virtual reader does not answer.", code="reader.box_ended")
        answer: dict[str, object] = json.loads(line)
        if not answer.pop("ok"):
            raise ReaderError(str(answer["message"]), code=str(answer["code"]))
        return answer


def socket_in(workdir: Path) -> Path:
    """Where pcscd's socket is, or will be, when a reader starts with this folder."""
    return workdir / _OWN_FOLDER / _SOCKET


def _launch(workdir: Path) -> subprocess.Popen[str]:
    """Start the box. pcscd opens its own folder to all, so that lies inside a private one."""
    folder = socket_in(workdir).parent
    workdir.mkdir(parents=True, exist_ok=True)
    if _in_use(socket_in(workdir)):
        raise ReaderError("A box already runs in this folder.", code="reader.box_in_use")
    shutil.rmtree(workdir / _OWN_FOLDER, ignore_errors=True)
    (workdir / _OWN_FOLDER).mkdir(mode=0o700)
    folder.mkdir()
    package_root = Path(__file__).resolve().parents[2]
    return subprocess.Popen(  # noqa: S603  fixed programs
        [
            *(_namespaces() or _UNSHARE),
            *(sys.executable, "-m", "eid.testing.box", str(folder), str(find_driver())),
        ],
        env={"PATH": _path(), "PYTHONPATH": str(package_root), "PYTHONUTF8": "1"},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        start_new_session=True,
    )


def _namespaces() -> tuple[str, ...] | None:
    """The command that makes the namespaces: with a user namespace, or as root without one."""
    for command in ((*_UNSHARE, "-r"), _UNSHARE):
        probe = subprocess.run(  # noqa: S603  fixed programs
            [*command, "mount", "-t", "tmpfs", "tmpfs", "/run"],
            env={"PATH": _path()},
            capture_output=True,
            check=False,
        )
        if probe.returncode == 0:
            return command
    return None


def _path() -> str:
    """The search path with the system folders, where Debian keeps pcscd and mount."""
    return os.pathsep.join((os.environ.get("PATH", ""), "/usr/sbin", "/usr/bin", "/sbin", "/bin"))


def _in_use(path: Path) -> bool:
    """Whether a pcscd answers here; a killed owner leaves a socket without one."""
    with socket.socket(socket.AF_UNIX) as client:
        return client.connect_ex(str(path)) == 0


def _fits(folder: Path) -> bool:
    return len(os.fsencode(socket_in(folder))) <= _MAX_SOCKET_PATH


def _temporary_folder() -> Path:
    """A new folder with a short path that stays visible in the box, whose /run is new."""
    usual = Path(tempfile.gettempdir())
    fitting = _fits(usual / "eid-12345678") and not usual.is_relative_to("/run")
    return Path(tempfile.mkdtemp(prefix="eid-", dir=usual if fitting else "/tmp"))  # noqa: S108
