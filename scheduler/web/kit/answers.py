"""Answers to forms."""

from __future__ import annotations

from flask import Response, redirect, render_template
from werkzeug.wrappers import Response as Answer

from scheduler.web.kit.language import _


def see(address: str) -> Response:
    """After a form the browser is sent to a page that may be loaded again (RFC 9110 15.4.4)."""
    answer: Answer = redirect(address, 303)
    return Response(answer.response, 303, answer.headers)


def again(page: Response | str, status: int = 422) -> Response:
    """The same page, with what is wrong."""
    return page if isinstance(page, Response) else Response(page, status)


def spent(template: str = "web/visit/spent.html") -> Response:
    """One page for every link that leads nowhere, whatever the reason."""
    return Response(render_template(template, title=_("This link leads nowhere any more")), 404)
