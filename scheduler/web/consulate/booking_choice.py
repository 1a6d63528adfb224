"""The choice that the pages of a booking share: service and party, which travel in the address."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from functools import wraps
from typing import Any

from flask import Blueprint, Response, abort, g, render_template, request, url_for
from sqlalchemy.orm import Session

from scheduler.app import App
from scheduler.base.errors import Invalid
from scheduler.model.posts import Counted, Layout, Service
from scheduler.services.consulate.posts import public_posts
from scheduler.services.consulate.posts.free_times import Party
from scheduler.services.consulate.posts.slots import Slot
from scheduler.services.consulate.visits.visit_drafts import MAX_DOCUMENTS
from scheduler.web.consulate import wording as visit_wording
from scheduler.web.consulate.posts import POST
from scheduler.web.kit import form_floods
from scheduler.web.kit.answers import show_form_again
from scheduler.web.kit.forms import Form, seal, unshared
from scheduler.web.kit.language import _, with_query
from scheduler.web.kit.typed_times import parse_typed_day
from scheduler.web.waiting_room.marks import in_turn

BOOK = f"{POST}/book"
SERVICE = f"{BOOK}/<name>"
STEPS = 4
Page = Callable[[App, str, str], Response | str]  # of the app, the key of the post, the key of the service


def add_page(pages: Blueprint, app: App, path: str, endpoint: str, page: Page, *, turn: bool = False) -> None:
    """Add a page of the booking of a service to the blueprint; with ``turn`` it is shown in the order of arrival."""

    @unshared
    def view(language: str, key: str, name: str) -> Response | str:  # noqa: ARG001 - kept in g for all
        return page(app, key, name)

    pages.get(f"{SERVICE}/{path}", endpoint=endpoint)(in_turn(view) if turn else view)


@dataclass(frozen=True, slots=True)
class BookingChoice:
    """The service and the party in the address."""

    service: Service
    party: Party

    @property
    def query(self) -> dict[str, str]:
        return {"people": str(self.party.people), "documents": str(self.party.documents), "layout": self.party.layout}

    def address(self, page: str, **more: str) -> str:
        """Return the address of a page of this booking, with all that was chosen so far."""
        service = self.service
        path = url_for(f".{page}", language=g.language, key=service.post.key, name=service.key)
        return with_query(path, {**self.query, **more}.items())


class WrongParty(Invalid):
    """The people or documents in the address are wrong; ``page`` asks for them again."""

    def __init__(self, page: str) -> None:
        super().__init__("the number of people or documents is not valid")
        self.page = page


def with_choice(show: Callable[[App, Session, BookingChoice], Response | str]) -> Page:
    """Decorate a page of a chosen service and party: read both from the address, or ask for the party again."""

    @wraps(show)
    def page(app: App, key: str, name: str) -> Response | str:
        with app.db.read() as session:
            try:
                choice = _read_choice(session, key, name)
            except WrongParty as error:
                return show_form_again(error.page)
            return show(app, session, choice)

    return page


def read_sent_choice(session: Session, key: str, name: str) -> BookingChoice:
    """Read the choice from the address of a form of ours, which was valid when the form was shown."""
    try:
        return _read_choice(session, key, name)
    except WrongParty:
        abort(400)


def _read_choice(session: Session, key: str, name: str) -> BookingChoice:
    """Read the service and the party from the address. Raise WrongParty with a page that says what is wrong."""
    service, form = get_service(session, key, name), Form(request.args)
    people = form.whole("people", service.post.largest_party)
    documents = form.whole("documents", MAX_DOCUMENTS) if service.counted is Counted.DOCUMENTS else people
    layout = form.one_of(
        "layout", _LAYOUTS, _("Choose whether you want to be served one after the other or at the same time.")
    )
    if form.errors or layout is None:
        raise WrongParty(render_party(service, form))
    return BookingChoice(service, Party(people=people, documents=documents, layout=layout))


_LAYOUTS = {str(layout): layout for layout in Layout} | {"": Layout.ADJOINING}


def get_service(session: Session, key: str, name: str) -> Service:
    """Return the service of a post. Raise NotFound if it takes no visits."""
    return public_posts.get_bookable_service(session, key, name)


def read_week(nearest: Sequence[Slot]) -> date | None:
    """Return a day of the week to show: of the times offered in place of another, or the one in the address."""
    return nearest[0].dtstart.date() if nearest else parse_typed_day(request.args.get("from", ""))


# Rendering


def render_page(name: str, service: Service, title: str, step: int = 0, **given: Any) -> str:
    """Render a page of the booking of a service; ``name`` is that of the template."""
    return render_template(
        f"web/visit/{name}.html",
        title=title,
        post=service.post,
        service=service,
        step=_("Step {number} of {of}", number=step, of=STEPS) if step else "",
        visit_text=visit_wording,
        **given,
    )


def render_party(service: Service, form: Form) -> str:
    title = _("How many people and documents?") if service.counted is Counted.DOCUMENTS else _("How many people?")
    return render_page(
        "party", service, title, 2, form=form, most=service.post.largest_party, documents=MAX_DOCUMENTS
    )


def protect_form(app: App, session: Session, service: Service) -> dict[str, str]:
    """Return the seal that marks a form as ours, and the work that its browser is to do."""
    now = app.clock.now()
    sealed = seal(form_purpose(service), secret=app.secret, now=now)
    return {"seal": sealed, "challenge": form_floods.challenge(session, app, sealed, now=now)}


def form_purpose(service: Service) -> str:
    """Return what a form for this service is sealed for."""
    return f"visit {service.post.key}/{service.key}"
