"""`python -m eid.cli`: the same as the `eid` command."""

import sys

from eid.cli import main

if __name__ == "__main__":
    sys.exit(main())
