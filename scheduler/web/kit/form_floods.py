"""Defence against floods of forms: a browser must do some work for each form; few forms without it are accepted.

The work is ALTCHA's (https://altcha.org/docs/v2): a challenge travels in the form, and a worker solves it while the
reader types. It takes longer the more forms arrive. A browser without JavaScript sends the form unsolved, which is
accepted as long as few do.
"""

from __future__ import annotations

import base64
import json
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parseaddr
from typing import NoReturn

import altcha
import sqlalchemy as sa
from flask import current_app
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from scheduler.app import App
from scheduler.base.errors import Forbidden
from scheduler.model.operations import SentForm
from scheduler.services.common.request_limits import hit, hit_values
from scheduler.services.common.tokens import derive
from scheduler.storage.upsert import insert_ignoring
from scheduler.web.kit.forms import SEAL, Form
from scheduler.web.kit.language import _
from scheduler.web.kit.limit_storage import requesting_address

FIELD = "altcha"
SOLVED_FOR = timedelta(hours=2)  # work is not to be hoarded in a quiet hour; who sends later is asked once more
ROUNDS = 1000  # of PBKDF2 in one try: a fifth of a millisecond here, about one on an old phone
MINUTE = timedelta(minutes=1)
# So many forms let in within the last minute, and so many tries at most does the next one take.
TRIES = ((300, 4000), (60, 1200), (0, 300))


@dataclass(frozen=True, slots=True)
class Few:
    """Numbers of forms that are accepted without work: from everybody in ten minutes, from one address in an hour."""

    all: int = 30
    each: int = 3


class NotLetIn(Forbidden):
    """The form was not let in; it says why."""


@dataclass(frozen=True, slots=True)
class SolvedForm:
    """A form with a solution, as it is let in together with others: its nonce, a digest of its content, its faults.

    ``wrong`` says what is wrong with the solution, ``resent`` that other content was sent with this form before: both
    in the language of its reader, both only shown if they apply.
    """

    form: str
    content: str
    wrong: str
    resent: str


# The challenge


def challenge(session: Session, app: App, sealed: str, *, now: datetime) -> str:
    """Return the challenge (JSON) that the browser must solve for the form with this seal, and for no other."""
    lately = _count_lately(session, now)
    tries = next(tries for many, tries in TRIES if lately >= many)
    made = altcha.create_challenge(
        "PBKDF2/SHA-256",
        ROUNDS,
        counter=tries // 2 + secrets.randbelow(tries // 2),  # not by luck: nobody's phone works ten times as long
        # Not the library's expiry: that asks the machine's clock.
        data={"form": _form(sealed), "until": int((now + SOLVED_FOR).timestamp())},
        hmac_secret=_key(app, "challenge"),
        hmac_key_secret=_key(app, "solution"),
    )
    return json.dumps(made.to_dict(), separators=(",", ":"))


def _count_lately(session: Session, now: datetime) -> int:
    """Count the forms accepted within the last minute, up to the largest number that matters."""
    most = TRIES[0][0]
    found = sa.select(SentForm.form).where(SentForm.sent_at > now - MINUTE).limit(most)
    return session.scalar(sa.select(sa.func.count()).select_from(found.subquery())) or 0


def _form(sealed: str) -> str:
    return sealed.partition(".")[0]


def _key(app: App, purpose: str) -> str:
    return derive(purpose, secret=app.secret)


# Letting in


def admit(session: Session, form: Form, *, app: App, now: datetime) -> None:
    """Accept a form whose seal is valid, in the transaction of what it changes: if that fails, nothing is spent.

    The same form with the same content again is a second click, and as good as the first. Raise NotLetIn, with the
    remedy in ``form.errors``.
    """
    if not _first_use(session, form, app, now):
        return
    if not form[FIELD]:
        _refuse_many(session, form, app, now)
    elif fault := _find_fault(form, app, now):
        _refuse(form, fault)


def read_solved(form: Form, *, app: App, now: datetime) -> SolvedForm | None:
    """Return a form whose seal is valid for `find_refusals`, or None for one without a solution."""
    if not form[FIELD]:
        return None
    wrong = _find_fault(form, app, now)
    return SolvedForm(_form(form[SEAL]), _content(form, app), wrong, _resent())


def find_refusals(session: Session, forms: Sequence[SolvedForm]) -> list[str]:
    """Return for each form why it is not let in, as `admit` would say, or ""; nothing is written.

    The caller holds what keeps one form from being let in twice at the same moment.
    """
    query = sa.select(SentForm.form, SentForm.content).where(SentForm.form.in_({one.form for one in forms}))
    known: dict[str, str] = {row.form: row.content for row in session.execute(query)}
    refusals = []
    for one in forms:
        wrong = one.wrong if one.form not in known else "" if known[one.form] == one.content else one.resent
        refusals.append(wrong)
        if not wrong:
            known[one.form] = one.content  # of two clicks at the same moment, too
    return refusals


def record(session: Session, forms: Sequence[SolvedForm], *, now: datetime) -> None:
    """Record that these forms were let in, in the transaction of what they change."""
    rows = [{"form": one.form, "content": one.content, "sent_at": now} for one in forms]
    if rows:
        session.connection().execute(insert_ignoring(session, SentForm.__table__), rows)


def _first_use(session: Session, form: Form, app: App, now: datetime) -> bool:
    insert = sqlite.insert(SentForm) if app.db.embedded else postgresql.insert(SentForm)
    sent = {"form": _form(form[SEAL]), "content": _content(form, app), "sent_at": now}
    if session.scalar(insert.on_conflict_do_nothing().returning(SentForm.form), sent):
        return True
    before = session.scalar(sa.select(SentForm.content).where(SentForm.form == sent["form"]))
    if before != sent["content"]:
        _refuse(form, _resent())
    return False


def _resent() -> str:
    return _("This form was already sent. Please check it and send it again.")


def _content(form: Form, app: App) -> str:
    typed = sorted((name, words) for name, words in form.typed.items() if name != FIELD)
    return derive("content", json.dumps(typed), secret=app.secret)


def _find_fault(form: Form, app: App, now: datetime) -> str:
    """Return what is wrong with the solution of a form, or ""."""
    form_of, until = _signed(form[FIELD], app)
    if form_of != _form(form[SEAL]):
        return _("The calculation of your browser does not belong to this form. Please send the form again.")
    return _("This page was open for too long. Please check it and send it again.") if now >= until else ""


def _signed(solution: str, app: App) -> tuple[str, datetime]:
    """Return the form that a solution belongs to and its deadline; "" for a solution that is not ours or is wrong."""
    signing, solving = _key(app, "challenge"), _key(app, "solution")
    try:
        ours = altcha.verify_solution(solution, signing, hmac_key_secret=solving).verified
    except (ValueError, TypeError, AttributeError):  # whatever else somebody writes into it
        ours = False
    if not ours:
        return "", datetime.max.replace(tzinfo=UTC)
    signed = json.loads(base64.b64decode(solution))["challenge"]["parameters"]["data"]
    return signed["form"], datetime.fromtimestamp(signed["until"], UTC)


def _refuse_many(session: Session, form: Form, app: App, now: datetime) -> None:
    few: Few = current_app.config["UNSOLVED"]
    count = hit(embedded=app.db.embedded)
    for key, window, most in (
        (f"unsolved/{requesting_address()}", timedelta(hours=1), few.each),
        ("unsolved", timedelta(minutes=10), few.all),
    ):
        [row] = session.execute(count, hit_values(key, window=window, secret=app.secret, now=now))
        if row.number > most:
            _refuse(form, _without_script(app))


def _without_script(app: App) -> str:
    return _(
        "We are receiving very many forms at the moment, and cannot accept more of them without a calculation by "
        "the browser. Please switch on JavaScript and send the form again, try again in an hour, or write to "
        "{address}.",
        address=parseaddr(app.settings.mail_from)[1],
    )


def _refuse(form: Form, words: str) -> NoReturn:
    form.errors[""] = words
    raise NotLetIn
