"""Rights to the pages of the desk: each states the acts it needs and what it is about, or the site does not start.

    pages = guard.blueprint("door")

    @pages.post(f"{DESK}/events/<key>/door")
    @may(Act.CHECK_IN, about=scope.EVENT)
    def read(language, key):
        with app.db.write(officer().actor) as session:
            event = rights.get_event(session, officer(), key)
            ...

A view is called only for officers whose role permits the acts, and who may know of what the page is about: for others
that does not exist. `officer` returns the officer who asks, `allowed(Act.SEE_ADDRESSES)` whether they may do more;
templates have both.

Forms carry ``{{ desk.seal() }}``; a script sends ``csrf_token()`` as X-CSRFToken. Without a session a reader is sent
to sign in, and the form of a lost session is shown again with what was typed, as 401.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from functools import wraps
from typing import ParamSpec, TypeVar
from urllib.parse import urlsplit

from flask import (
    Blueprint,
    Flask,
    Request,
    Response,
    abort,
    current_app,
    g,
    make_response,
    redirect,
    render_template,
    request,
    session,
    url_for,
)
from flask.sessions import SecureCookieSessionInterface, SessionMixin
from flask_login import LoginManager, current_user, login_user, logout_user
from flask_wtf.csrf import CSRFError, CSRFProtect
from werkzeug.wrappers import Response as Answer

from scheduler.app import App
from scheduler.base.i18n import LANGUAGES
from scheduler.base.vocabulary import key_of_word
from scheduler.model.accounts import Act
from scheduler.services.accounts import accounts
from scheduler.services.accounts.accounts import Officer
from scheduler.services.common.tokens import derive
from scheduler.web.kit.forms import Form, refuse_other_sites
from scheduler.web.kit.language import _, with_query
from scheduler.web.kit.paths import PER_LANGUAGE
from scheduler.web.kit.safety import HEADERS
from scheduler.web.officers.kit.scope import CHOICES, AccessScope, Right
from scheduler.web.officers.kit.unfinished_forms import UnfinishedForm, read_sent

DESK = f"{PER_LANGUAGE}/desk"
SEEN_WITHIN = timedelta(minutes=5)  # how exactly it is known when a session was last used
P = ParamSpec("P")
R = TypeVar("R")
View = Callable[P, R]


# What pages say


def may(*acts: Act, about: AccessScope) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Reserve a view for officers who may do all of these acts on what the page is about.

    Without acts it is for everybody who is signed in.
    """

    def mark(view: Callable[P, R]) -> Callable[P, R]:
        @wraps(view)
        def marked(*args: P.args, **kwargs: P.kwargs) -> R:
            return view(*args, **kwargs)

        marked.needs = Right(acts, about)  # type: ignore[attr-defined]
        return marked

    return mark


def takes(octets: int, *, parts: int = 0) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Let this view be sent more than the small forms that are the rule, and more fields than these have."""

    def mark(view: Callable[P, R]) -> Callable[P, R]:
        view.max_octets, view.max_parts = octets, parts  # type: ignore[attr-defined]
        return view

    return mark


def for_strangers(view: Callable[P, R]) -> Callable[P, R]:
    """Open a view to people who are not signed in."""
    view.needs = None  # type: ignore[attr-defined]
    return view


def officer() -> Officer:
    """Return the officer who asks. Only for pages that are not for strangers."""
    who: Officer = current_user.officer
    return who


def allowed(act: Act) -> bool:
    """Return whether the reader is signed in and may do this act."""
    who: Officer | None = getattr(current_user, "officer", None)
    return who is not None and who.may(act)


def blueprint(name: str) -> Blueprint:
    """Make a blueprint for pages below `DESK`, each of which states who `may` see it."""
    pages = Blueprint(name, __name__)
    pages.before_request(_guard)
    pages.after_request(_unshared)
    return pages


def refuse_unstated(web: Flask, rule: str, endpoint: str) -> None:
    """Raise ValueError for a page of the desk that does not state who may see it.

    What it is about must be named by all arguments of its address, but those that choose a word.
    """
    view = web.view_functions[endpoint]
    guarded = _guard in web.before_request_funcs.get(endpoint.rpartition(".")[0], ())
    if not (guarded == is_desk(rule.replace(PER_LANGUAGE, "/en", 1)) == hasattr(view, "needs")):
        raise ValueError(f"{rule}: pages of the desk, and only they, have a guard and state who may see them")
    needs: Right | None = getattr(view, "needs", None)
    arguments = {name for _converter, name in _ARGUMENT.findall(rule)} - CHOICES
    if needs and arguments != set(needs.about.arguments):
        raise ValueError(f"{rule}: this is about {needs.about.words}, but its address names {sorted(arguments)}")


_ARGUMENT = re.compile(r"<([^<>:]*:)?([^<>:]+)>")


# Who asks


class _User:
    """An officer as Flask-Login needs them."""

    is_authenticated = is_active = True
    is_anonymous = False

    def __init__(self, officer: Officer) -> None:
        self.officer = officer

    def get_id(self) -> str:
        return self.officer.token


def begin(who: Officer, *, now: datetime) -> None:
    """Begin a new, empty session, so that nothing that somebody prepared in the old one survives."""
    session.clear()
    session.permanent = True
    session["since"] = session["seen"] = int(now.timestamp())
    login_user(_User(who))


def end() -> None:
    """End the session."""
    logout_user()
    session.clear()


def install(web: Flask, app: App) -> None:
    """Set up sessions, sign-in and CSRF protection for the pages of the desk."""
    secure = app.settings.base_url.startswith("https://")
    web.extensions["scheduler"] = app
    web.secret_key = derive("session-cookie", secret=app.secret)
    web.config.update(
        SESSION_COOKIE_NAME="__Host-desk" if secure else "desk",
        SESSION_COOKIE_SECURE=secure,
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        SESSION_REFRESH_EACH_REQUEST=False,
        PERMANENT_SESSION_LIFETIME=accounts.LONGEST_SESSION,
        WTF_CSRF_CHECK_DEFAULT=False,  # by the guard: forms that anybody may send have a seal of their own
        WTF_CSRF_TIME_LIMIT=None,  # as long as the session
        WTF_CSRF_SSL_STRICT=False,  # wants a Referer; `refuse_other_sites` reads what cannot be left out
    )
    web.session_interface = _DeskSessions()
    CSRFProtect(web)
    manager = LoginManager()
    manager.init_app(web, add_context_processor=False)
    manager.session_protection = None  # a telephone at the door changes its address with every antenna
    manager.user_loader(lambda token: _loaded(app, token))
    web.register_error_handler(CSRFError, _stale)
    web.context_processor(lambda: {"officer": _shown, "allowed": allowed, "Act": Act, "words": _words})


def _words(known: Iterable[str]) -> list[tuple[str, str]]:
    """List an enumeration as a choice: each value, and its translation."""
    return [(str(one), _(key_of_word(one))) for one in known]


class _DeskSessions(SecureCookieSessionInterface):
    """Sessions on pages of the desk only: public pages neither set a cookie nor depend on one."""

    def open_session(self, app: Flask, request: Request) -> SessionMixin | None:  # type: ignore[override]
        return super().open_session(app, request) if is_desk(request.path) else None


def is_desk(path: str) -> bool:
    """Return whether a path is that of a page of the desk."""
    parts = path.split("/", 3)
    return "desk" in parts[1:2] or (len(parts) > 2 and parts[1] in LANGUAGES and parts[2] == "desk")


def _shown() -> Officer | None:
    """Return the officer whom a page greets; nobody on a page about trouble, which may be that of the database."""
    if not is_desk(request.path) or g.get("without_database"):
        return None
    return officer() if current_user.is_authenticated else None


def _loaded(app: App, token: str) -> _User | None:
    now = app.clock.now()
    since, seen = (_moment(session.get(name)) for name in ("since", "seen"))
    if not accounts.is_session_current(since=since, seen=seen, now=now):
        return None
    with app.db.read() as reading:
        found = accounts.find_officer(reading, str(token), secret=app.secret)
    if found and now - seen > SEEN_WITHIN:
        session["seen"] = int(now.timestamp())
    return _User(found) if found else None


def _moment(kept: object) -> datetime:
    return datetime.fromtimestamp(kept if isinstance(kept, int) else 0, UTC)


# What is answered


def _guard() -> Answer | None:
    """Check session, acts, CSRF token and scope before every page of the desk."""
    view = current_app.view_functions[str(request.endpoint)]
    if hasattr(view, "max_octets"):
        request.max_content_length = view.max_octets
        request.max_form_memory_size = max(view.max_octets, current_app.config["MAX_FORM_MEMORY_SIZE"])
        request.max_form_parts = getattr(view, "max_parts", 0) or current_app.config["MAX_FORM_PARTS"]
    if request.method == "POST":
        refuse_other_sites()
    needs: Right | None = view.needs  # type: ignore[union-attr]  # stated, or the site would not have started
    known = current_user.is_authenticated  # on every page, because it greets them, with a session of its own open
    if needs:
        if not known:
            return _sign_in()
        if not all(map(officer().may, needs.acts)):
            abort(403)
    current_app.extensions["csrf"].protect()
    if needs:
        _require_scope(needs.about)
    return None


def _require_scope(about: AccessScope) -> None:
    """Raise NotFound if the page is about something that the officer may not know of."""
    if about.arguments:
        with current_app.extensions["scheduler"].db.read() as reading:
            about.require(reading, officer(), request.view_args or {})


def _sign_in() -> Answer:
    if request.method in ("GET", "HEAD"):
        return redirect(sign_in_address(request.full_path.rstrip("?")), 303)
    response = make_response(_ask_to_sign_in(_("You are signed out; nothing was changed")), 401)
    response.headers["WWW-Authenticate"] = 'Session realm="desk"'
    return response


def sign_in_address(back: str = "") -> str:
    return with_query(url_for("signing.form", language=g.language), [("next", back)] if back else [])


def _stale(_error: CSRFError) -> Answer:
    """Answer a form of another session: the person signed in again meanwhile, or the form is not ours."""
    if current_user.is_authenticated:
        title = _("This page was opened before you signed in; nothing was changed")
        page = show_unfinished(title, read_sent(), back=_find_page_of_form())
    else:
        page = _ask_to_sign_in(_("Please sign in once more; if you see this again, allow cookies for this site"))
    return _unshared(make_response(page, 400))


def _ask_to_sign_in(title: str) -> str:
    """Return the page to sign in, which keeps what was typed into the form of a session that has ended."""
    return render_template(
        "web/desk/sign_in.html", title=title, form=Form(), next=_find_page_of_form(), unfinished=read_sent()
    )


def show_unfinished(title: str, unfinished: UnfinishedForm, *, back: str) -> str:
    """Return the page that offers to go on with what was typed before signing in."""
    address = own_page(unfinished.address)
    return render_template("web/desk/came_back.html", title=title, unfinished=unfinished, address=address, back=back)


def _find_page_of_form() -> str:
    return own_page(_path_of(request.referrer or "")) or f"/{g.language}/desk"


def _path_of(address: str) -> str:
    try:
        parts = urlsplit(address)
    except ValueError:
        return ""
    return f"{parts.path}?{parts.query}" if parts.query else parts.path


def own_page(path: str) -> str | None:
    """Return the path if it is a page of the desk, else None: sign-in must not lead to another site."""
    ours = path.startswith("/") and not path.startswith("//") and path.isprintable() and "\\" not in path
    return path if ours and is_desk(path.partition("?")[0]) else None


# The search in the head of each page asks for suggestions.
_ASKS = HEADERS["Content-Security-Policy"] + "; connect-src 'self'"


def _unshared(response: Response) -> Response:
    """Mark a response as private and not to be indexed, redirects too; `safety._compress` leaves it whole."""
    response.headers["Cache-Control"] = "private, no-store"
    response.headers["X-Robots-Tag"] = "noindex"
    response.headers.setdefault("Content-Security-Policy", _ASKS)
    return response
