"""Peer: ``cwt`` verifies a tagged COSE_Sign1 (no base45, no zlib, no Claim 169)."""

import json
import sys
import time

import cwt
from cwt import COSEKey

task = json.loads(sys.stdin.readline())
key = COSEKey.from_pem(task["pem"], kid=bytes.fromhex(task["kid"]))
data = bytes.fromhex(task["message"])
assert cwt.decode(data, keys=[key])[1]
for asked in sys.stdin:
    began = time.process_time()
    for _ in range(int(asked)):
        cwt.decode(data, keys=[key])
    print(time.process_time() - began, flush=True)
