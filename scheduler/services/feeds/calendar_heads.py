"""Heads of calendars: the name, description, colour and page by which a subscriber tells one feed from another."""

from __future__ import annotations

from datetime import timedelta
from zlib import crc32

from calendars.feed import CalendarHead, Color
from scheduler.base.i18n import N_, load_catalogue
from scheduler.base.text import Text
from scheduler.model.feeds import EVERYTHING, Sees
from scheduler.model.posts import Post
from scheduler.services.feeds.scopes import Scope

REFRESH = timedelta(hours=6)
_COLORS = {
    EVERYTHING: Color("steelblue", "#4682b4"),
    "exhibitions": Color("darkorchid", "#9932cc"),
    "ceremonies": Color("firebrick", "#b22222"),
    "consulate-openings": Color("seagreen", "#2e8b57"),
    "visits": Color("darkorange", "#ff8c00"),
    "meetings": Color("slategray", "#708090"),
    "consular-days": Color("teal", "#008080"),
    "anniversaries": Color("goldenrod", "#daa520"),
}
_OTHERS = (
    Color("royalblue", "#4169e1"),
    Color("olivedrab", "#6b8e23"),
    Color("mediumvioletred", "#c71585"),
    Color("sienna", "#a0522d"),
    Color("darkcyan", "#008b8b"),
    Color("indianred", "#cd5c5c"),
    Color("slateblue", "#6a5acd"),
    Color("peru", "#cd853f"),
)


def make_head(scope: Scope, *, language: str, house: Text, by_hours: bool, address: str, pages: str) -> CalendarHead:
    """Make the head of a feed of events; ``address`` is its own and ``pages`` that of the pages, or ""."""
    gettext = load_catalogue(language).gettext
    sentences = [_describe(scope, language, house)]
    if by_hours:
        sentences.append(gettext(N_("Exhibitions are shown at their opening hours.")))
    return CalendarHead(
        name=f"{house.to(language)}: {scope.name.to(language)}",
        description=" ".join(sentences),
        color=_choose_color(scope),
        page_url=f"{pages}/{language}/" if pages and scope.sees is Sees.PUBLIC else "",
        source_url=address,
        refresh=REFRESH,
        language=scope.name.language_for(language),
    )


def make_visits_head(post: Post, *, language: str) -> CalendarHead:
    """Make the head of the calendar of a post's visits."""
    gettext = load_catalogue(language).gettext
    name = gettext(N_("Appointments: {post}")).format(post=post.name.to(language))
    return CalendarHead(
        name=name,
        description=f"{gettext(_VISITS)} {gettext(_SECRET)}",
        color=_pick_color(f"post {post.key}"),
        refresh=REFRESH,
        language=post.name.language_for(language),
    )


_VISITS = N_("The appointments to come.")
_AGENDA = N_("The events that you are invited to or take part in.")
_PRIVATE = N_("Public events, and private ones.")
_SECRET = N_("The address of this calendar is secret: please do not give it to anybody.")


def _describe(scope: Scope, language: str, house: Text) -> str:
    gettext = load_catalogue(language).gettext
    if scope.sees is not Sees.PUBLIC:
        return f"{gettext(_AGENDA if scope.sees is Sees.OWN else _PRIVATE)} {gettext(_SECRET)}"
    sentence = gettext(N_("Public events of {house}: {name}. Changes and cancellations appear automatically."))
    return sentence.format(house=house.to(language), name=scope.name.to(language))


def _choose_color(scope: Scope) -> Color:
    known = _COLORS.get(scope.key) if scope.sees is Sees.PUBLIC else None
    return known or _pick_color(f"{scope.sees} {scope.key} {scope.name.to('en')}")


def _pick_color(identity: str) -> Color:
    """Pick one of the other colours, the same for the same identity."""
    return _OTHERS[crc32(identity.encode()) % len(_OTHERS)]
