"""Answers of several pages: after a form, for a link that is no longer valid, and with a calendar."""

from __future__ import annotations

import re
from datetime import datetime

from flask import Response, redirect, render_template, request
from werkzeug.wrappers import Response as Answer

from scheduler.web.kit.language import NAMES, _
from scheduler.web.kit.paths import CALENDAR


def redirect_after_form(address: str) -> Response:
    """Redirect the browser after a form to a page that may be loaded again (303, RFC 9110 15.4.4)."""
    answer: Answer = redirect(address, 303)
    return Response(answer.response, 303, answer.headers)


def show_form_again(page: Response | str, status: int = 422) -> Response:
    """Show the page of a form again, with what is wrong."""
    return page if isinstance(page, Response) else Response(name_fields(page), status)


_COMPLAINT = re.compile(r'(<li><a href="#([\w.:-]+)">)(?=.*?</a></li>)')
_TAG = re.compile(r"<[^>]*>")
_GROUP = re.compile(r"<legend>(.*?)</legend>|<span id=\"[\w-]+-part\">(.*?)</span>", re.DOTALL)


def name_fields(page: str) -> str:
    """Put the label of its field before each complaint of the summary: "Enter a whole number" does not say where.

    The summary stands above the fields, so their labels are known only when the whole page is there.
    """
    return _COMPLAINT.sub(lambda found: f"{found[1]}{_find_label(page, found[2])}", page)


def _find_label(page: str, field: str) -> str:
    """Return the label of a field and a colon, "" if it has none; a language goes after the name of its text."""
    found = re.search(rf'<label for="{re.escape(field)}"[^>]*>(.*?)</label>', page, re.DOTALL)
    if found is None:
        return ""
    label = " ".join(_TAG.sub("", found[1]).split())
    if label in NAMES.values():
        groups = list(_GROUP.finditer(page, 0, found.start()))
        label = f"{(groups[-1][1] or groups[-1][2]).strip()} ({label})" if groups else label
    return f"{label.rstrip(':?')}: "


def show_invalid_link(template: str = "web/visit/spent.html") -> Response:
    """Answer 404 with one page for every link that is no longer valid, whatever the reason."""
    return Response(render_template(template, title=_("This link is no longer valid")), 404)


def answer_calendar(body: bytes, *, modified: datetime, cache_control: str = "", file_name: str = "") -> Response:
    """Answer with a calendar, or with 304 to a client that has it already (RFC 9110 13.1).

    ``modified`` is when its contents may last have changed. A browser stores it under ``file_name``, if there is one.
    """
    response = Response(body, content_type=CALENDAR)
    if file_name:
        response.headers["Content-Disposition"] = f'attachment; filename="{file_name}"'
    if cache_control:
        response.headers["Cache-Control"] = cache_control
    response.last_modified = modified
    response.add_etag()
    response.make_conditional(request)
    return response
