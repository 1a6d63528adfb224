"""The pages in a process of their own, on a clock that stands still: ``python -m tests.journeys.page_server ISO``.

Prints the port that it listens on.
"""

from __future__ import annotations

import sys
from datetime import datetime

from werkzeug.serving import make_server

from scheduler import config
from scheduler.app import App
from scheduler.clock import ManualClock
from scheduler.web import create_app


def main() -> None:
    app = App.open(config.load(), ManualClock(datetime.fromisoformat(sys.argv[1])))
    server = make_server("127.0.0.1", 0, create_app(app, limit="100000 per minute"), threaded=True)
    sys.stdout.write(f"{server.server_port}\n")
    sys.stdout.flush()
    server.serve_forever()


if __name__ == "__main__":
    main()
