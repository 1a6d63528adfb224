"""The display board of a post: tickets and counters, for whoever has its address, and never a name.

It sets no cookie. Without a script the page loads itself anew; with it (static/board.js) only what has changed is
exchanged, and a new call is said to those who listen.
"""

from __future__ import annotations

from flask import Blueprint, Response, abort, g, render_template

from scheduler.app import App
from scheduler.base.errors import NotFound
from scheduler.services.consulate.front_desk import board as queue_board
from scheduler.web.kit.forms import unshared
from scheduler.web.kit.language import _
from scheduler.web.kit.paths import PER_LANGUAGE, is_key
from scheduler.web.kit.safety import HEADERS

BOARD = f"{PER_LANGUAGE}/board/<key>/<token>"
_ASKS = HEADERS["Content-Security-Policy"] + "; connect-src 'self'"


def blueprint(app: App) -> Blueprint:
    pages = Blueprint("board", __name__)

    @pages.get(BOARD)
    @unshared
    def board(language: str, key: str, token: str) -> Response:  # noqa: ARG001 - kept in g for all
        return _board(app, key, token)

    return pages


def _board(app: App, key: str, token: str) -> Response:
    with app.db.read() as session:
        try:
            post = queue_board.board_post(session, key, token, secret=app.secret) if is_key(key) else abort(404)
        except NotFound:
            abort(404)
        found = queue_board.board(session, post, now=app.clock.now())
        page = render_template("web/board.html", title=post.name.to(g.language), board=found, call=_call)
    response = Response(page)
    response.headers["Content-Security-Policy"] = _ASKS
    return response


def _call(called: queue_board.Called) -> str:
    """As it is said aloud."""
    return _("Ticket {ticket}: {counter}.", ticket=called.ticket, counter=called.counter_name.to(g.language))
