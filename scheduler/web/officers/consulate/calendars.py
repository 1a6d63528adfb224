"""The coming visits of a post as an officer's own calendar."""

from __future__ import annotations

from flask import Blueprint, Response, g, render_template, request
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response as Answer

from scheduler.app import App
from scheduler.model.accounts import Account, Act
from scheduler.model.feeds import FeedLink
from scheduler.model.posts import Post
from scheduler.services.accounts import rights
from scheduler.services.feeds import links as feed_links
from scheduler.services.feeds.addresses import Address
from scheduler.web.kit.answers import redirect_after_form
from scheduler.web.kit.language import _
from scheduler.web.officers.consulate.addresses import POST
from scheduler.web.officers.kit import guard, scope
from scheduler.web.officers.kit.guard import may, officer

PAGE = f"{POST}/calendar"


def blueprint(app: App) -> Blueprint:
    pages = guard.blueprint("calendars")

    @pages.get(PAGE)
    @may(Act.SEE_VISITS, about=scope.POST)
    def page(language: str, key: str) -> str:  # noqa: ARG001 - kept in g for all
        return _show_page(app, key)

    @pages.post(PAGE)
    @may(Act.SEE_VISITS, about=scope.POST)
    def make(language: str, key: str) -> Answer:
        if _make_link(app, key, replace=request.form.get("replace") == "yes"):
            return redirect_after_form(f"/{language}/desk/posts/{key}/calendar")
        return Response(_show_page(app, key, asking=True))

    return pages


def _show_page(app: App, key: str, *, asking: bool = False) -> str:
    with app.db.read() as session:
        post = rights.get_post(session, officer(), key)
        link = _find_own_link(session, post)
        return render_template(
            "web/desk/calendar.html",
            title=_("Your calendar of this post"),
            post=post,
            address=_make_address(app, link) if link else "",
            asking=asking,
        )


def _make_link(app: App, key: str, *, replace: bool) -> bool:
    """Make the officer's link, or ``replace`` it by another one; return False if they are to be asked first.

    Its calendar has no names, because calendar programs copy calendars to other places.
    """
    with app.db.write(officer().actor) as session:
        post = rights.get_post(session, officer(), key)
        link = _find_own_link(session, post)
        if link:
            if replace:
                feed_links.renew(session, link, now=app.clock.now())
            return replace
        account = session.get_one(Account, officer().id)
        feed_links.add_visits(
            session, post=post, account=account, holder=account.called, names=False, now=app.clock.now()
        )
        return True


def _find_own_link(session: Session, post: Post) -> FeedLink | None:
    return feed_links.find_for_officer(session, post=post, account=officer().id)


def _make_address(app: App, link: FeedLink) -> str:
    return f"{app.settings.base_url}{Address(feed_links.token(link, secret=app.secret), g.language, private=True)}"
