"""Answers to forms: see another page, show the form again, or say that a link is no longer valid."""

from __future__ import annotations

from flask import Response, redirect, render_template
from werkzeug.wrappers import Response as Answer

from scheduler.web.kit.language import _


def redirect_after_form(address: str) -> Response:
    """Redirect the browser after a form to a page that may be loaded again (303, RFC 9110 15.4.4)."""
    answer: Answer = redirect(address, 303)
    return Response(answer.response, 303, answer.headers)


def show_form_again(page: Response | str, status: int = 422) -> Response:
    """Show the page of a form again, with what is wrong."""
    return page if isinstance(page, Response) else Response(page, status)


def show_invalid_link(template: str = "web/visit/spent.html") -> Response:
    """Answer 404 with one page for every link that is no longer valid, whatever the reason."""
    return Response(render_template(template, title=_("This link leads nowhere any more")), 404)
