"""The page of one letter at the desk, about an event or about a visit: its text, its attachment, sending it again.

The audit records who read it, because it is written to somebody.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from flask import Response, abort, g, render_template, request
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response as Answer

from scheduler.app import App
from scheduler.base.i18n import NC_
from scheduler.model.letters import Letter
from scheduler.services.letters import composing, ledger
from scheduler.services.letters.envelope import Skip
from scheduler.services.operations import workers
from scheduler.services.privacy import access_log
from scheduler.web.kit.answers import redirect_after_form, show_form_again
from scheduler.web.kit.forms import Form
from scheduler.web.kit.language import _
from scheduler.web.kit.paths import CALENDAR
from scheduler.web.officers.kit.answers import FormRefused, act_as_officer
from scheduler.web.officers.kit.guard import officer

Find = Callable[[Session], Letter]  # one that the officer may know of; raises NotFound


def show(app: App, find: Find, *, base: str, back: str, may_retry: bool, problem: str = "") -> str:
    """Show a letter; ``base`` is its address, ``back`` that of what it is about."""
    now = app.clock.now()
    with app.db.write(officer().actor) as session:  # only to record who read it
        access_log.record_letter_view(session, find(session), now=now)
    with app.db.read() as session:
        letter = find(session)
        read = composing.read_letter(session, letter, house=app.house, now=now)
        return render_template(
            "web/desk/letter.html",
            title=_capitalize(_(NC_("e-mail", letter.kind))),
            waits_because=_explain_waiting(session, letter, now=now),
            letter=letter,
            read=None if isinstance(read, Skip) else read,
            unreadable=read.reason if isinstance(read, Skip) else "",
            retry=may_retry and ledger.can_retry(letter),
            base=base,
            back=back,
            problem=problem,
            **_describe_subject(app, letter),
        )


def _capitalize(words: str) -> str:
    return words[:1].upper() + words[1:]


def _explain_waiting(session: Session, letter: Letter, *, now: datetime) -> str:
    """Return why a letter has not left yet; "" if it has, or if it is due."""
    return ledger.reason_to_wait(letter, workers.read_ages(session), now)


def _describe_subject(app: App, letter: Letter) -> dict[str, Any]:
    visit = letter.appointment
    contact = visit.contact if visit else letter.person
    return {
        "event": letter.event,
        "visit": visit,
        "zone": visit.service.post.tzid if visit else app.settings.timezone,
        "spoken": contact.language if contact else g.language,
        "done": _("The e-mail will be sent shortly.") if request.args.get("done") == "again" else "",
    }


def attach(app: App, find: Find) -> Response:
    """Return the calendar entry that a letter brings, as a file."""
    now = app.clock.now()
    with app.db.write(officer().actor) as session:
        letter = find(session)
        access_log.record_letter_view(session, letter, now=now)
        read = composing.read_letter(session, letter, house=app.house, now=now)
    if isinstance(read, Skip) or not read.calendar:
        abort(404)
    response = Response(read.calendar, content_type=CALENDAR)
    response.headers["Content-Disposition"] = 'attachment; filename="letter.ics"'
    return response


def send_again(app: App, find: Find, *, base: str, back: str) -> Answer:
    """Queue a letter anew that did not reach anybody."""
    form = Form.sent()
    try:
        with act_as_officer(app, form) as session:
            ledger.retry(session, find(session), now=app.clock.now())
    except FormRefused:
        problem = " ".join(form.errors.values())
        return show_form_again(show(app, find, base=base, back=back, may_retry=True, problem=problem))
    return redirect_after_form(f"{base}?done=again")
