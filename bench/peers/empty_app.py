"""What memory and start are compared with: granian, an empty Falcon app, SQLAlchemy imported."""

import sys
from importlib import import_module
from types import SimpleNamespace

from granian.constants import Interfaces
from granian.log import LogLevels
from granian.server import Server


def load() -> object:
    """The application, loaded by the worker."""
    falcon = import_module("falcon")
    import_module("sqlalchemy")

    class Nothing:
        """Answers."""

        def on_get(self, _request: object, response: SimpleNamespace) -> None:
            """One byte."""
            response.text = "."

    app = falcon.App()
    app.add_route("/", Nothing())
    return app


if __name__ == "__main__":
    Server(
        "empty",
        address="127.0.0.1",
        port=int(sys.argv[1]),
        interface=Interfaces.WSGI,
        workers=1,
        log_level=LogLevels.error,
        log_access=False,
        websockets=False,
    ).serve(target_loader=load, wrap_loader=False)
