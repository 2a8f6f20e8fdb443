"""Peer: ``cwt`` verifies a tagged COSE_Sign1, or, given a text, what its user writes around it.

A message alone needs no base45 and no zlib; in neither case are the fields of Claim 169 read.
"""

import json
import sys
import time
import zlib

import base45
import cwt
from cwt import COSEKey

task = json.loads(sys.stdin.readline())
key = COSEKey.from_pem(task["pem"], kid=bytes.fromhex(task["kid"]))
if "text" in task:
    text = task["text"]

    def work() -> dict:
        return cwt.decode(zlib.decompress(base45.b45decode(text)), keys=[key])
else:
    data = bytes.fromhex(task["message"])

    def work() -> dict:
        return cwt.decode(data, keys=[key])


assert work()[169][4]
for asked in sys.stdin:
    began = time.process_time()
    for _ in range(int(asked)):
        work()
    print(time.process_time() - began, flush=True)
