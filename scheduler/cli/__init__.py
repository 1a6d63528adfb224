"""The command `scheduler NOUN VERB`. This module is the way in only: a noun is imported when it is used."""

from __future__ import annotations

import gc
import sys

USUAL_GC_THRESHOLD = gc.get_threshold()  # for commands that go on: they give it back


def main() -> None:
    """Run the installed command, and exit with its code."""
    # The classes that a command imports live as long as it does. To look for garbage among them at Python's usual
    # threshold of 700 new objects takes a tenth of the time of a short command.
    gc.set_threshold(50_000)
    from scheduler.cli.root import root

    sys.exit(root.main(prog_name="scheduler", standalone_mode=True))
