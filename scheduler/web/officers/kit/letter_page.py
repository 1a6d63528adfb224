"""The page of one letter at the desk, about an event or about a visit: its text, its attachment, what can be mended.

The audit records who read it, because it is written to somebody.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, NamedTuple

from flask import Blueprint, Response, abort, g, render_template, request
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response as Answer

from scheduler.app import App
from scheduler.base.i18n import N_, NC_
from scheduler.model.accounts import Act
from scheduler.model.letters import Letter
from scheduler.services.desk import letter_mending
from scheduler.services.desk.letter_mending import AddressDraft, find_place
from scheduler.services.letters import composing, ledger
from scheduler.services.letters.composing import ReadableLetter
from scheduler.services.letters.envelope import Skip
from scheduler.services.operations import workers
from scheduler.services.privacy import access_log
from scheduler.web.kit.answers import redirect_after_form, show_form_again
from scheduler.web.kit.forms import Form
from scheduler.web.kit.language import _
from scheduler.web.kit.paths import CALENDAR
from scheduler.web.officers.kit.answers import FormRefused, act_as_officer, check_draft
from scheduler.web.officers.kit.guard import allowed, may, officer
from scheduler.web.officers.kit.scope import AccessScope

Find = Callable[[Session], Letter]  # one that the officer may know of; raises NotFound
FindBy = Callable[..., Find]
PathTo = Callable[..., tuple[str, str]]  # the address that those of its letters begin with, and that of its own page


class LetterRights(NamedTuple):
    """The acts that reading letters of one sort takes, and mending them besides, and what the letters are about."""

    to_read: tuple[Act, ...]
    to_act: Act
    about: AccessScope


def add_routes(pages: Blueprint, app: App, rule: str, needs: LetterRights, *, find: FindBy, back: PathTo) -> None:
    """Add the pages of letters about one sort of thing; ``find`` and ``back`` take the arguments of an address."""
    read, act = may(*needs.to_read, about=needs.about), may(*needs.to_read, needs.to_act, about=needs.about)

    def shown(given: Mapping[str, Any], form: Form | None = None) -> str:
        base = f"{back(**given)[0]}/letters/{given['number']}"
        return _show(app, find(**given), base=base, back=back(**given)[1], may_mend=allowed(needs.to_act), form=form)

    def done(given: Mapping[str, Any], act: Callable[[Session, Letter, Form], None], verb: str) -> Answer:
        form = Form.sent()
        try:
            with act_as_officer(app, form) as session:
                act(session, find(**given)(session), form)
        except FormRefused:
            return show_form_again(shown(given, form))
        return redirect_after_form(f"{back(**given)[0]}/letters/{given['number']}?done={verb}")

    @pages.get(rule)
    @read
    def letter(language: str, **given: Any) -> str:  # noqa: ARG001 - kept in g for all
        return shown(given)

    @pages.get(f"{rule}/page")
    @read
    def page(language: str, **given: Any) -> Response:  # noqa: ARG001
        return _show_as_sent(app, find(**given))

    @pages.get(f"{rule}/attachment.ics")
    @read
    def attachment(language: str, **given: Any) -> Response:  # noqa: ARG001
        return _attach(app, find(**given))

    @pages.post(f"{rule}/again")
    @act
    def again(language: str, **given: Any) -> Answer:  # noqa: ARG001
        return done(given, lambda session, letter, form: _mend(app, session, letter, form), "again")

    @pages.post(f"{rule}/informed")
    @act
    def informed(language: str, **given: Any) -> Answer:  # noqa: ARG001
        now = app.clock.now()
        return done(given, lambda session, letter, _form: ledger.settle(session, letter, now=now), "informed")


def _mend(app: App, session: Session, letter: Letter, form: Form) -> None:
    """Send a letter again, to another address if one was typed."""
    now = app.clock.now()
    if not form["address"].strip():
        ledger.retry(session, letter, now=now)
        return
    if check_draft(AddressDraft, {"address": form["address"].strip()}, form, {}) is None:
        raise FormRefused
    letter_mending.mend(session, letter, form["address"].strip(), now=now)


def _show(app: App, find: Find, *, base: str, back: str, may_mend: bool, form: Form | None) -> str:
    """Show a letter; ``base`` is its address, ``back`` that of what it is about."""
    now = app.clock.now()
    with app.db.write(officer().actor) as session:  # only to record who read it
        access_log.record_letter_view(session, find(session), now=now)
    with app.db.read() as session:
        letter = find(session)
        read = composing.read_letter(session, letter, house=app.house, now=now)
        contact = letter.appointment.contact if letter.appointment else letter.person
        return render_template(
            "web/desk/letter.html",
            title=_capitalize(_(NC_("e-mail", letter.kind))),
            waits_because=_explain_waiting(session, letter, now=now),
            letter=letter,
            contact=contact,
            read=None if isinstance(read, Skip) else read,
            unreadable=read.reason if isinstance(read, Skip) else "",
            mend=may_mend and ledger.can_retry(letter),
            attendee=find_place(session, letter) if allowed(Act.SEE_GUESTS) else None,
            others=letter_mending.list_failed_alike(session, letter),
            base=base,
            back=back,
            form=form or Form({"address": (contact.email if contact else "") or ""}),
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
        "done": _(done) if (done := _DONE.get(request.args.get("done", ""))) else "",
    }


_DONE = {
    "again": N_("The e-mail will be sent shortly."),
    "informed": N_("It is recorded that the recipient was informed by other means."),
}


def _show_as_sent(app: App, find: Find) -> Response:
    """Show the letter as mail programs do. Nothing in it is fetched or run, and its links lead nowhere."""
    read = _read(app, find)
    if not read.html:
        abort(404)
    response = Response(read.html, content_type="text/html; charset=utf-8")
    response.headers["Content-Security-Policy"] = (
        "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; "
        "frame-ancestors 'none'; sandbox"
    )
    return response


def _attach(app: App, find: Find) -> Response:
    """Return the calendar entry that a letter brings, as a file."""
    read = _read(app, find)
    if not read.calendar:
        abort(404)
    response = Response(read.calendar, content_type=CALENDAR)
    response.headers["Content-Disposition"] = 'attachment; filename="letter.ics"'
    return response


def _read(app: App, find: Find) -> ReadableLetter:
    """Return a letter as it reads, and record who has read it; answer 404 to one that cannot be read."""
    now = app.clock.now()
    with app.db.write(officer().actor) as session:
        letter = find(session)
        access_log.record_letter_view(session, letter, now=now)
        read = composing.read_letter(session, letter, house=app.house, now=now)
    if isinstance(read, Skip):
        abort(404)
    return read
