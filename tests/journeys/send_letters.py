"""One round of the worker, on a clock that stands still: ``python -m tests.journeys.send_letters ISO``."""

from __future__ import annotations

import sys
from datetime import datetime

from scheduler import config
from scheduler.app import App
from scheduler.clock import ManualClock
from scheduler.jobs import deliver

if __name__ == "__main__":
    deliver(App.open(config.load(), ManualClock(datetime.fromisoformat(sys.argv[1]))))
