"""C-061: decoding is a call of its own, in a child with limits."""

from __future__ import annotations

import io
import random
from pathlib import Path

import pytest
from PIL import Image

from eid.chip import picture
from eid.chip.lds.dg2 import parse_dg2
from eid.chip.picture import child
from eid.errors import FormatError

VECTORS = Path(__file__).parents[2] / "vectors"


def jpeg(width: int = 60, height: int = 80) -> bytes:
    written = io.BytesIO()
    Image.new("RGB", (width, height), (10, 120, 200)).save(written, "JPEG")
    return written.getvalue()


def test_jpeg() -> None:
    found = picture.decode(jpeg())
    assert (found.width, found.height) == (60, 80)
    assert Image.open(io.BytesIO(found.png)).format == "PNG"
    assert "PNG" not in repr(found)


@pytest.mark.parametrize(
    "file", ["bsi_silver/Datagroup2.bin", "dg2_39794_5/ICAO_39794_5_AP_DG2_MandFields.dat"]
)
def test_jpeg_2000(file: str) -> None:
    image = parse_dg2((VECTORS / file).read_bytes()).image
    boxed = picture.decode(image)
    raw = picture.decode(image[image.index(b"\xff\x4f\xff\x51") :])
    assert (boxed.width, boxed.height) == (raw.width, raw.height)


@pytest.mark.parametrize("data", [b"", bytes((1 << 20) + 1)])
def test_impossible_size(data: bytes) -> None:
    with pytest.raises(FormatError) as caught:
        picture.decode(data)
    assert caught.value.code == "image.limits"


def test_bombs_and_noise() -> None:
    huge = bytearray(jpeg())
    at = huge.index(b"\xff\xc0") + 5
    huge[at : at + 4] = b"\xff\xff\xff\xff"
    noise = random.Random(1)
    for data in (bytes(huge), jpeg(5000, 2), jpeg()[:100], noise.randbytes(500)):
        with pytest.raises(FormatError):
            picture.decode(data)


def test_memory_limit() -> None:
    with pytest.raises(FormatError):
        picture.decode(jpeg(4000, 4000), memory_mib=64)


def test_time_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(picture.sys, "executable", "/bin/cat")
    with pytest.raises(FormatError):
        picture.decode(jpeg(), seconds=-4.9)


def test_child_without_a_process(
    monkeypatch: pytest.MonkeyPatch, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    monkeypatch.setattr(child, "_limit", lambda *_: None)
    # The child sets this for itself alone; here it must not outlive the test.
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", Image.MAX_IMAGE_PIXELS)
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"noise")))
    assert child.main(["1", "64", "100"]) == child.BAD_PICTURE
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(jpeg(200, 10))))
    assert child.main(["1", "64", "100"]) == child.BAD_PICTURE
    assert capfdbinary.readouterr() == (b"", b"")
