"""Prepare a fresh clone: Debian packages, the virtual-reader driver and a hash-pinned ``.venv``.

``make`` calls this before every target. It asks nothing, does only what is missing and returns
at once when nothing is. ``EID_NO_APT=1`` leaves apt alone. ``prepare.py browser`` adds what only
tests need where that is possible: Chromium for pages, SoftHSM for keys in a token, Apache's program
(no service) for its login.
``prepare.py lock`` resolves requirements/*.txt anew; ``lock --upgrade`` moves every pin up.
"""

from __future__ import annotations

import fcntl
import hashlib
import importlib.util
import json
import os
import shlex
import shutil
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
STATE = ROOT / ".eid"
STAMP = VENV / "eid-prepared.json"
UNFINISHED = STATE / "unfinished"
DRIVER = STATE / "vpcd"
REQUIREMENTS = ROOT / "requirements"
FOR_TESTS = {
    "chromium": ("chromium", "chromium-browser"),
    "softhsm2": ("softhsm2-util",),
    "apache2-bin": ("apache2",),
    "libapache2-mod-auth-openidc": ("/usr/lib/apache2/modules/mod_auth_openidc.so",),
}
INPUTS = ("pyproject.toml", "scripts/prepare.py", "requirements/*.txt")

# What pip is told by its configuration or environment, and the variable that tells uv the same.
PIP_TO_UV = {
    "index-url": ("UV_DEFAULT_INDEX", " "),
    "extra-index-url": ("UV_INDEX", " "),
    "find-links": ("UV_FIND_LINKS", ","),
    "no-index": ("UV_NO_INDEX", " "),
    "trusted-host": ("UV_INSECURE_HOST", " "),
    "cert": ("SSL_CERT_FILE", " "),
    "proxy": ("ALL_PROXY", " "),
}


class CannotPrepare(Exception):
    """Preparation has to stop; the text says in one sentence what to do."""


def say(text: str) -> None:
    print(f"set-up: {text}", file=sys.stderr, flush=True)


def run(*command: str | Path, env: dict[str, str] | None = None, cwd: Path = ROOT) -> None:
    """Run a step quietly; its output is shown only when it fails."""
    done = subprocess.run(
        [str(word) for word in command],
        cwd=cwd,
        env={**os.environ, **(env or {})},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        check=False,
    )
    if done.returncode:
        tail = "\n".join(done.stdout.splitlines()[-25:])
        step = shlex.join(str(word) for word in command)
        raise CannotPrepare(f"this step failed (code {done.returncode}): {step}\n{tail}")


# --- the machine -----------------------------------------------------------------------------


def found(*programs: str) -> bool:
    """Whether one of them is there: a program, or a file by its full name."""
    path = os.environ.get("PATH", "") + ":/usr/local/sbin:/usr/sbin:/sbin"
    return any(
        Path(name).is_file() if name.startswith("/") else shutil.which(name, path=path)
        for name in programs
    )


def has_python_headers() -> bool:
    python = VENV / "bin/python"
    probe = "import sysconfig; print(sysconfig.get_path('include'))"
    command = [str(python) if python.exists() else sys.executable, "-I", "-c", probe]
    include = subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip()
    return bool(include) and Path(include, "Python.h").exists()


def find_driver() -> Path | None:
    drivers = sorted(DRIVER.glob("usr/lib/pcsc/drivers/serial/libifdvpcd.so*"))
    return drivers[0] if drivers else None


def missing_packages() -> dict[str, list[str]]:
    """Debian packages that this machine lacks, by what they are for."""
    build = {
        "gcc": found("gcc", "cc"),
        "libc6-dev": Path("/usr/include/stdio.h").exists(),
        "libpcsclite-dev": any(
            Path(place, "PCSC/winscard.h").exists()
            for place in ("/usr/include", "/usr/local/include")
        ),
        "python3-dev": has_python_headers(),
    }
    service = {"pcscd": found("pcscd"), "iproute2": found("ip")}
    if importlib.util.find_spec("ensurepip") is None:
        service["python3-venv"] = False
    return {
        "build": [name for name, present in build.items() if not present],
        "service": [name for name, present in service.items() if not present],
    }


def root_prefix() -> list[str] | None:
    """The words in front of a command that needs root; None without such rights."""
    if os.geteuid() == 0:
        return []
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    if (
        shutil.which("sudo")
        and subprocess.run(["sudo", "-n", "true"], check=False, **quiet).returncode == 0
    ):
        return ["sudo", "-n"]
    return None


def install_packages(names: list[str], prefix: list[str]) -> None:
    say("installing Debian packages: " + " ".join(names))
    apt = [
        *prefix,
        "env",
        "DEBIAN_FRONTEND=noninteractive",
        "apt-get",
        "-q",
        "-y",
        "-o",
        "DPkg::Lock::Timeout=300",
    ]
    install = [*apt, "install", "--no-install-recommends", *names]
    try:
        run(*install)
    except CannotPrepare:  # the package lists are empty or old
        run(*apt, "update")
        run(*install)


def unpack_driver(prefix: list[str] | None) -> None:
    """Put vsmartcard-vpcd beside the environment. It is never installed: it listens openly."""
    say("unpacking the virtual-reader driver into .eid/vpcd (it is not installed)")
    with tempfile.TemporaryDirectory(dir=STATE, prefix="vpcd-") as folder:
        sandbox = ["-o", "APT::Sandbox::User=root"] if os.geteuid() == 0 else []
        download = ["apt-get", "-q", *sandbox, "download", "vsmartcard-vpcd"]
        try:
            run(*download, cwd=Path(folder))
        except CannotPrepare:
            if prefix is None:
                raise
            run(*prefix, "apt-get", "-q", "update")
            run(*download, cwd=Path(folder))
        tree = Path(folder, "tree")
        run("dpkg-deb", "-x", next(Path(folder).glob("vsmartcard-vpcd_*.deb")), tree)
        shutil.rmtree(DRIVER, ignore_errors=True)
        tree.rename(DRIVER)


def prepare_machine() -> list[str]:
    """Install what is missing, as far as the rights go; return what is still missing."""
    wanted = [name for names in missing_packages().values() for name in names]
    apt = not os.environ.get("EID_NO_APT") and shutil.which("apt-get") is not None
    prefix = root_prefix() if apt and (wanted or find_driver() is None) else None
    problem = ""
    try:
        if apt and wanted and prefix is not None:
            install_packages(wanted, prefix)
        if apt and find_driver() is None:
            unpack_driver(prefix)
    except CannotPrepare as error:
        problem = f" [{str(error).splitlines()[-1]}]"
    missing = [name for names in missing_packages().values() for name in names]
    if problem and (missing or find_driver() is None):
        say(f"apt did not help{problem}")
    return missing


def prepare_tests() -> None:
    """Install what only tests need, if that is possible; else those tests are skipped."""
    wanted = [name for name, programs in FOR_TESTS.items() if not found(*programs)]
    apt = not os.environ.get("EID_NO_APT") and shutil.which("apt-get") is not None
    prefix = root_prefix() if apt and wanted else None
    try:
        if prefix is not None:
            install_packages(wanted, prefix)
    except CannotPrepare as error:
        say(f"apt did not help [{str(error).splitlines()[-1]}]")
    missing = [name for name, programs in FOR_TESTS.items() if not found(*programs)]
    if missing:
        names = " ".join(missing)
        say(f"without {names}: tests that need it are skipped; sudo apt-get install {names}")


def report_missing(missing: list[str], *, pyscard: bool) -> None:
    """One line, only when something is missing: what, what that means, and how to get it."""
    wanting = [*missing]
    if find_driver() is None:
        wanting.append("vsmartcard-vpcd (unpacked, not installed)")
    if not pyscard:
        wanting.append("pyscard")
    if wanting:
        cure = "run the same command as root or with passwordless sudo, without EID_NO_APT"
        if missing:
            cure = f"sudo apt-get install --no-install-recommends {' '.join(missing)}, then again"
        say(
            f"no PC/SC, the card runs in-process; missing: {', '.join(wanting)}; to get it: {cure}"
        )


# --- the Python environment ------------------------------------------------------------------


def options_of(listing: str) -> dict[str, str]:
    """What ``pip config list`` says for ``pip install``; the environment wins over files."""
    options: dict[str, str] = {}
    for section in ("global", "install", ":env:"):
        for line in listing.splitlines():
            name, _, value = line.partition("=")
            if name.startswith(f"{section}."):
                words = value.strip("'\"").replace("\\n", " ").strip()
                options[name.removeprefix(f"{section}.")] = words
    return options


def uv_options(options: dict[str, str]) -> dict[str, str]:
    """The same for uv, as environment variables; what the user has set for uv himself wins."""
    env: dict[str, str] = {}
    for option, (variable, separator) in PIP_TO_UV.items():
        if options.get(option) and variable not in os.environ:
            env[variable] = separator.join(options[option].split())
    if "UV_INDEX" in env:  # every file is pinned by hash, so any index may serve it, as with pip
        env["UV_INDEX_STRATEGY"] = "unsafe-best-match"
    return env


def uv_environment() -> dict[str, str]:
    """Hand pip's configuration (files and ``PIP_...`` variables) on to uv, which reads neither."""
    command = [str(VENV / "bin/python"), "-m", "pip", "config", "list"]
    listing = subprocess.run(command, capture_output=True, text=True, check=False).stdout
    env = {"PATH": f"{VENV / 'bin'}:{os.environ['PATH']}", "VIRTUAL_ENV": str(VENV)}
    env.update(uv_options(options_of(listing)))
    if "UV_CACHE_DIR" not in os.environ and not os.access(Path.home(), os.W_OK):
        env["UV_CACHE_DIR"] = str(STATE / "uv-cache")
    return env


def create_venv() -> None:
    version = ".".join(map(str, sys.version_info[:3]))
    say(f"creating .venv with Python {version}")
    run(sys.executable, "-m", "venv", "--clear", VENV)


def install_python_packages(*, with_pyscard: bool) -> bool:
    """Fill ``.venv`` from the pinned files; return whether pyscard is in."""
    say("installing pinned Python packages")
    pip = [VENV / "bin/python", "-m", "pip", "install", "-q", "--disable-pip-version-check"]
    run(*pip, "--require-hashes", "-r", REQUIREMENTS / "bootstrap.txt")
    env = uv_environment()
    install = [VENV / "bin/uv", "pip", "install", "--python", VENV / "bin/python"]
    pinned = [*install, "--require-hashes"]
    run(*pinned, "--no-build", "-r", REQUIREMENTS / "dev.txt", env=env)
    pyscard = False
    if with_pyscard:
        say("compiling pyscard")
        build = [*pinned, "--no-build-isolation", "-r", REQUIREMENTS / "pcsc.txt"]
        try:
            run(*build, env=env)
            pyscard = True
        except CannotPrepare as error:
            say(f"pyscard is left out: {str(error).splitlines()[-1]}")
    run(*install, "--no-deps", "--no-index", "--no-build-isolation", "-e", ROOT, env=env)
    compile_bytecode()
    return pyscard


def compile_bytecode() -> None:
    """As pip does, and uv does not: else each process that a test starts compiles all it imports."""
    places = [*(VENV / "lib").glob("python*/site-packages"), ROOT / "eid"]
    with suppress(CannotPrepare):  # a file of a package that is for another Python
        run(VENV / "bin/python", "-m", "compileall", "-qq", "-j", "0", *places)


def fingerprint(*, with_pyscard: bool) -> str:
    digest = hashlib.sha256(f"{ROOT}\0{with_pyscard}".encode())
    files = [path for pattern in INPUTS for path in sorted(ROOT.glob(pattern))]
    for path in [*files, VENV / "pyvenv.cfg"]:
        digest.update(b"\0" + path.read_bytes())
    return digest.hexdigest()


def stamp() -> dict[str, object]:
    try:
        return dict(json.loads(STAMP.read_text()))
    except (OSError, ValueError):
        return {}


def is_ready(*, with_pyscard: bool) -> bool:
    if UNFINISHED.exists() or not (VENV / "bin/python").exists():
        return False
    return stamp().get("fingerprint") == fingerprint(with_pyscard=with_pyscard)


def prepare_python(*, with_pyscard: bool) -> None:
    if UNFINISHED.exists() or not (VENV / "bin/python").exists():  # new, moved or killed half way
        UNFINISHED.touch()
        create_venv()
    UNFINISHED.touch()
    pyscard = install_python_packages(with_pyscard=with_pyscard)
    state = {"fingerprint": fingerprint(with_pyscard=with_pyscard), "pyscard": pyscard}
    fresh = STAMP.with_suffix(".new")
    fresh.write_text(json.dumps(state))
    fresh.replace(STAMP)
    UNFINISHED.unlink()


def prepare() -> None:
    began = time.monotonic()
    missing = prepare_machine()
    with_pyscard = not missing_packages()["build"]
    if not is_ready(with_pyscard=with_pyscard):
        prepare_python(with_pyscard=with_pyscard)
        say(f"ready after {time.monotonic() - began:.0f} s")
    report_missing(missing, pyscard=stamp().get("pyscard") is True)


def lock(*options: str) -> None:
    """Resolve requirements/*.txt for every platform, with hashes and without any host."""
    sources: dict[str, list[str]] = {
        "bootstrap.txt": ["requirements/bootstrap.in"],
        "dev.txt": [
            "pyproject.toml",
            "requirements/build.in",
            "--extra=all",
            "--group=dev",
            "--no-emit-package=pyscard",
        ],
        "pcsc.txt": ["requirements/pcsc.in"],
    }
    for peers in sorted(REQUIREMENTS.glob("bench-*.in")):
        sources[f"{peers.stem}.txt"] = [f"requirements/{peers.name}"]
    sources["relying-parties.txt"] = [
        "pyproject.toml",
        "requirements/relying-parties.in",
        "--extra=server",
        "--no-emit-package=pyscard",
    ]
    for target, source in sources.items():
        say(f"resolving requirements/{target}")
        run(
            VENV / "bin/uv",
            "pip",
            "compile",
            *source,
            "--universal",
            "--python-version=3.11",
            "--generate-hashes",
            "--custom-compile-command=make lock",
            "--output-file",
            f"requirements/{target}",
            *options,
            env=uv_environment(),
        )


def main(arguments: list[str]) -> int:
    if sys.version_info < (3, 11):  # noqa: UP036 - the python3 of the machine, not of .venv
        say(f"Python 3.11 or newer is needed, this is {sys.version.split()[0]}: PYTHON=… make …")
        return 1
    STATE.mkdir(exist_ok=True)
    with (STATE / "lock").open("w") as guard:
        try:
            fcntl.flock(guard, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say("waiting for another set-up in this folder")
            fcntl.flock(guard, fcntl.LOCK_EX)
        try:
            if not arguments:
                prepare()
            elif arguments[0] == "browser":
                prepare_tests()
            else:
                lock(*arguments[1:])
        except CannotPrepare as error:
            say(str(error))
            return 1
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
