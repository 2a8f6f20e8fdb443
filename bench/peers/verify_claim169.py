"""Peer: ``claim169`` (Rust) verifies the whole text."""

import json
import sys
import time

import claim169

task = json.loads(sys.stdin.readline())
option = {task["option"]: bytes.fromhex(task["key"])}
text = task["text"]
assert claim169.decode(text, **option).claim169.full_name
for asked in sys.stdin:
    began = time.process_time()
    for _ in range(int(asked)):
        claim169.decode(text, **option)
    print(time.process_time() - began, flush=True)
