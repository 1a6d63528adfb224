"""Blanking of e-mails whose recipient is to be forgotten; that they were sent stays in the ledger."""

from __future__ import annotations

import sqlalchemy as sa

from scheduler.base.i18n import N_
from scheduler.model.letters import Letter, Outcome

ERASED = N_("erased")


def blank_addresses(which: sa.ColumnElement[bool]) -> sa.Update:
    """Return the UPDATE that blanks the addresses of letters, and the reasons of failure, which may quote them."""
    failed = Letter.outcome == Outcome.FAILED
    return sa.update(Letter).where(which).values(address=None, reason=sa.case((failed, ERASED), else_=Letter.reason))
