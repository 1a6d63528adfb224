"""The display board of a post, without names, for everybody who has its address.

It sets no cookie. Without a script the page reloads itself; with it (static/board.js) only what has changed is
replaced, and a new call is announced to screen readers.
"""

from __future__ import annotations

from flask import Blueprint, Response, abort, g, render_template

from scheduler.app import App
from scheduler.base.errors import NotFound
from scheduler.services.consulate.front_desk import board as queue_board
from scheduler.web.kit.forms import unshared
from scheduler.web.kit.language import _
from scheduler.web.kit.paths import PER_LANGUAGE
from scheduler.web.kit.safety import HEADERS

BOARD = f"{PER_LANGUAGE}/board/<key>/<token>"
_POLICY = HEADERS["Content-Security-Policy"] + "; connect-src 'self'"


def blueprint(app: App) -> Blueprint:
    pages = Blueprint("board", __name__)

    @pages.get(BOARD)
    @unshared
    def board(language: str, key: str, token: str) -> Response:  # noqa: ARG001 - kept in g for all
        return _show_board(app, key, token)

    return pages


def _show_board(app: App, key: str, token: str) -> Response:
    with app.db.read() as session:
        try:
            post = queue_board.find_post_of_board(session, key, token, secret=app.secret)
        except NotFound:
            abort(404)
        found = queue_board.read_board(session, post, now=app.clock.now())
        page = render_template("web/board.html", title=post.name.to(g.language), board=found, call=_announce)
    response = Response(page)
    response.headers["Content-Security-Policy"] = _POLICY
    return response


def _announce(called: queue_board.CalledTicket) -> str:
    """Return a call as it is spoken."""
    return _("Ticket {ticket}: {counter}.", ticket=called.ticket, counter=called.counter_name.to(g.language))
