r"""What a running provider says: one JSON object a line, on standard error (row O-075).

Only the time, the place and our own sentence: no value of a request, no traceback's variables.

>>> record = logging.LogRecord("eid.oidc", logging.INFO, "", 1, "refused: %s", ("a\nb",), None)
>>> line = JsonLines().format(record)
>>> "\n" in line, json.loads(line)["message"]
(False, 'refused: a\nb')
"""

from __future__ import annotations

import json
import logging
import sys
from datetime import UTC, datetime
from typing import Final, Literal

LogLevel = Literal["error", "warning", "info"]
LEVELS: Final[tuple[LogLevel, ...]] = ("error", "warning", "info")
MAX_MESSAGE: Final = 2000


class JsonLines(logging.Formatter):
    """A record as one line of JSON; of an exception its type only."""

    def format(self, record: logging.LogRecord) -> str:
        """The line."""
        at = datetime.fromtimestamp(record.created, UTC)
        line = {
            "at": at.isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "process": record.process,
            "message": record.getMessage()[:MAX_MESSAGE],
        }
        if record.exc_info and record.exc_info[0] is not None:
            line["exception"] = record.exc_info[0].__name__
        return json.dumps(line)


def log_lines(level: LogLevel) -> None:
    """Let our loggers speak, in this process; those of libraries only when something is wrong."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLines())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.WARNING)
    logging.getLogger("eid").setLevel(level.upper())
