"""The command `scheduler NOUN VERB`. Here is only the way in: every noun is imported when it is used."""

from __future__ import annotations

import sys


def main() -> None:
    """The entry point of the installed command."""
    from scheduler.cli.root import root

    sys.exit(root.main(prog_name="scheduler", standalone_mode=True))
