"""Functions and filters for templates; pure but for the language and the clock of the reader."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from flask import Flask, g, request, url_for
from jinja2 import BytecodeCache, StrictUndefined
from jinja2.bccache import Bucket

from scheduler.app import App
from scheduler.base.date_format import format_weekday, regional_locale, text_direction
from scheduler.base.i18n import LANGUAGES
from scheduler.base.vocabulary import key_of_word
from scheduler.services.events.programme.rendering.event_texts import (
    format_exceptions,
    format_weekly_hours,
)
from scheduler.services.events.programme.rendering.guest_information import make_map_address
from scheduler.services.events.programme.rendering.kind_names import KIND_NAMES
from scheduler.web.kit import browser_clock
from scheduler.web.kit.assets import Assets
from scheduler.web.kit.language import NAMES, _, kept, localized, ngettext, pgettext, plain, set_apart, with_query
from scheduler.web.programme import wording as event_wording

# Cities that people who read these pages live in; any other zone is a click further.
CLOCKS = (
    "Asia/Almaty",
    "Asia/Bangkok",
    "Europe/Moscow",
    "Europe/London",
    "Europe/Berlin",
    "Europe/Paris",
    "Europe/Istanbul",
    "Asia/Dubai",
    "Asia/Tashkent",
    "Asia/Bishkek",
    "Asia/Kolkata",
    "Asia/Ho_Chi_Minh",
    "Asia/Singapore",
    "Asia/Shanghai",
    "Asia/Seoul",
    "Asia/Tokyo",
    "Australia/Sydney",
    "America/New_York",
    "America/Los_Angeles",
    "UTC",
)


class _Compiled(BytecodeCache):
    """Compiled templates, shared by all applications of a process: compiling them takes a second."""

    def __init__(self) -> None:
        self._known: dict[str, bytes] = {}

    def load_bytecode(self, bucket: Bucket) -> None:
        if bucket.key in self._known:
            bucket.bytecode_from_string(self._known[bucket.key])

    def dump_bytecode(self, bucket: Bucket) -> None:
        self._known[bucket.key] = bucket.bytecode_to_string()


_COMPILED = _Compiled()


def install(web: Flask, app: App, assets: Assets) -> None:
    environment = web.jinja_env
    environment.bytecode_cache = _COMPILED
    environment.undefined = StrictUndefined
    environment.trim_blocks = environment.lstrip_blocks = True
    environment.add_extension("jinja2.ext.i18n")
    environment.install_gettext_callables(  # type: ignore[attr-defined]
        _, ngettext, newstyle=True, pgettext=pgettext
    )
    environment.filters["localized"] = localized
    environment.filters["plain"] = plain
    environment.filters["apart"] = set_apart
    environment.filters["word"] = lambda value: _(key_of_word(value))
    environment.globals.update(
        asset=assets.url,
        badge=event_wording.badge,
        browser_clock=browser_clock.describe,
        exceptions=lambda event: format_exceptions(event, g.language),
        weekly=lambda event: format_weekly_hours(event, g.language),
        kind_name=lambda kind: _(KIND_NAMES[kind]),
        weekday=lambda day, **how: format_weekday(day, g.language, **how),
        event_text=event_wording,
        map_address=make_map_address,
    )
    web.context_processor(lambda: _context(app))


def _context(app: App) -> dict[str, Any]:
    return {
        "language": g.language,
        "direction": text_direction(g.language),
        "regional": regional_locale(g.language),
        "tzid": g.tzid,
        "house": app.settings.house,
        "now": app.clock.now(),
        "alternates": {language: in_language(language) for language in LANGUAGES},
        "languages": NAMES,
        "clocks": _clocks(app.clock.now()),
        "kept": kept(),
        "kept_for": event_wording.kept_for(app.settings.retention),
    }


def in_language(language: str) -> str:
    """Return the address of this page in another language; that of the programme where there is no such page."""
    if request.endpoint is None or "language" not in (request.view_args or {}):
        return f"/{language}/"
    return with_query(url_for(request.endpoint, **{**(request.view_args or {}), "language": language}), kept())


def _clocks(now: datetime) -> list[tuple[str, str]]:
    shown = CLOCKS if g.tzid is None or g.tzid in CLOCKS else (g.tzid, *CLOCKS)
    return [(tzid, event_wording.clock_name(tzid, now)) for tzid in shown]
