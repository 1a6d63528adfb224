"""The e-mails of the whole desk: over all events, and appointments at the posts of the account, searched and paged.

What did not arrive and is still of use comes first, because an officer must do something about it.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

from flask import Blueprint, g, render_template, request
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response as Answer

from scheduler.app import App
from scheduler.base.errors import Conflict
from scheduler.model.accounts import Act
from scheduler.model.letters import LetterKind
from scheduler.services.desk import known_letters
from scheduler.services.directory.directory_index import DirectoryIndex
from scheduler.services.letters import ledger
from scheduler.services.outbox.letter_search import LetterFilter, LetterState
from scheduler.web.kit.answers import redirect_after_form, show_form_again
from scheduler.web.kit.forms import Form
from scheduler.web.kit.language import _
from scheduler.web.officers.events.desk import page
from scheduler.web.officers.kit import guard, scope
from scheduler.web.officers.kit.answers import FormRefused, act_as_officer
from scheduler.web.officers.kit.guard import DESK, may, officer

LETTERS = f"{DESK}/letters"
NAMES = ("state", "who", "event", "kind", "day")
MOST_NAMED = 200  # people or events that are called as was typed
EVERY = "all"  # the state that restricts nothing; the page opens with what needs an officer


def blueprint(app: App, index: DirectoryIndex) -> Blueprint:
    pages = guard.blueprint("allletters")

    @pages.get(LETTERS)
    @may(Act.SEE_LETTERS, Act.SEE_ADDRESSES, about=scope.LISTS)
    def letters(language: str) -> str:  # noqa: ARG001 - kept in g for all
        return _show(app, index, Form())

    @pages.post(f"{LETTERS}/again")
    @may(Act.SEE_LETTERS, Act.SEE_ADDRESSES, Act.KEEP_LIST, about=scope.LISTS)
    def again(language: str) -> Answer:  # noqa: ARG001
        return _send_again(app, index)

    return pages


def _show(app: App, index: DirectoryIndex, form: Form) -> str:
    chosen, number = _read_chosen(request.args), page()
    with app.db.read() as session:
        wanted = _make_filter(app, session, index, chosen)
        needed = LetterFilter(state=LetterState.NOT_ARRIVED)
        now = app.clock.now()
        found = known_letters.find_letters(session, officer(), wanted, now=now, page=number)
        return render_template(
            "web/desk/all_letters.html",
            title=_("E-mails"),
            form=form,
            found=found,
            needed=known_letters.count_letters(session, officer(), needed, now=now),
            most=known_letters.MOST_COUNTED,
            chosen=chosen,
            states=list(LetterState),
            kinds=list(LetterKind),
            page=number,
            zone=app.settings.timezone,
            failed={letter.id for letter in found.rows if ledger.can_retry(letter)},
            done=_("E-mails that will be sent again: {number}", number=done) if (done := _read_done()) else "",
        )


def _read_chosen(given: Mapping[str, str]) -> dict[str, str]:
    """Return the filter in the address; who looks for somebody looks among all e-mails."""
    chosen = {name: value for name in NAMES if (value := given.get(name, "").strip()[:100])}
    sought = chosen.keys() & {"who", "event", "kind", "day"}
    return {"state": EVERY if sought else LetterState.NOT_ARRIVED.value, **chosen}


def _read_done() -> int:
    typed = request.args.get("again", "")
    return int(typed) if typed.isascii() and typed.isdecimal() and len(typed) < 6 else 0


def _make_filter(app: App, session: Session, index: DirectoryIndex, chosen: Mapping[str, str]) -> LetterFilter:
    """Return the filter; unknown words restrict nothing, a name that nobody and nothing has finds nothing."""
    who, event = chosen.get("who", ""), chosen.get("event", "")
    return LetterFilter(
        state=next((one for one in LetterState if one == chosen["state"]), None),
        kind=next((one for one in LetterKind if one == chosen.get("kind")), None),
        events=index.find(session, "event", event)[:MOST_NAMED] if event else None,
        people=index.find(session, "person", who)[:MOST_NAMED] if who and "@" not in who else None,
        address=who if "@" in who else "",
        day=_read_day(chosen.get("day", "")),
        tzid=app.settings.timezone,
    )


def _read_day(typed: str) -> date | None:
    try:
        return date.fromisoformat(typed)
    except ValueError:
        return None


def _send_again(app: App, index: DirectoryIndex) -> Answer:
    """Send the ticked e-mails again."""
    form = Form.sent()
    numbers = [int(name[7:]) for name in form.typed if name.startswith("letter_") and _is_number(name[7:])]
    try:
        with act_as_officer(app, form) as session:
            letters = known_letters.get_letters(session, officer(), numbers)
            if any(one.appointment_id is not None for one in letters) and not officer().may(Act.KEEP_VISITS):
                raise Conflict("your account may not send e-mails about appointments")
            count = ledger.retry_all(session, letters, now=app.clock.now())
    except FormRefused:
        return show_form_again(_show(app, index, form))
    return redirect_after_form(f"/{g.language}/desk/letters?again={count}")


def _is_number(typed: str) -> bool:
    return typed.isascii() and typed.isdecimal() and len(typed) < 19
