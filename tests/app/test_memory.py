import ctypes
import subprocess
import sys

import pytest

SCRIPT = """
import ctypes, sys, threading
from eid.app.memory import hold_little
if sys.argv[1] == "little":
    hold_little()
gate = threading.Barrier(8)
def work():
    kept = [bytes(2000) for _ in range(100)]
    gate.wait()
threads = [threading.Thread(target=work) for _ in range(8)]
for one in threads: one.start()
for one in threads: one.join()
libc = ctypes.CDLL(None)
libc.fopen.restype = ctypes.c_void_p
file = ctypes.c_void_p(libc.fopen(b"/dev/stdout", b"w"))
libc.malloc_info(0, file)
libc.fflush(file)
"""


@pytest.mark.skipif(
    sys.platform != "linux" or not hasattr(ctypes.CDLL(None), "malloc_info"),
    reason="only glibc has pools",
)
@pytest.mark.parametrize("how", ["little", "as it comes"])
def test_threads_share_one_pool(how: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, how], capture_output=True, text=True, check=True
    )
    pools = done.stdout.count("<heap nr=")
    assert pools == 1 if how == "little" else pools > 1
