"""The signature block of a post, which stands under the e-mails about appointments there."""

from __future__ import annotations

from flask import Blueprint, g
from werkzeug.wrappers import Response as Answer

from scheduler.app import App
from scheduler.model.accounts import Act
from scheduler.services.accounts import rights
from scheduler.services.consulate.posts import post_mapping
from scheduler.web.kit.answers import redirect_after_form, show_form_again
from scheduler.web.kit.forms import Form
from scheduler.web.officers.consulate.addresses import POST
from scheduler.web.officers.kit import guard, scope, signature_form
from scheduler.web.officers.kit.answers import FormRefused, act_as_officer
from scheduler.web.officers.kit.guard import may, officer

PAGE = f"{POST}/signature"


def blueprint(app: App) -> Blueprint:
    pages = guard.blueprint("signature")

    @pages.get(PAGE)
    @may(Act.KEEP_POSTS, about=scope.POST)
    def show(language: str, key: str) -> str:  # noqa: ARG001 - kept in g for all
        return _show(app, key)

    @pages.post(PAGE)
    @may(Act.KEEP_POSTS, about=scope.POST)
    def change(language: str, key: str) -> Answer:  # noqa: ARG001
        return _change(app, key)

    return pages


def _show(app: App, key: str, form: Form | None = None) -> str:
    with app.db.read() as session:
        post = rights.get_post(session, officer(), key)
        return signature_form.render(post, form, here="posts", back=f"/{g.language}/desk/posts")


def _change(app: App, key: str) -> Answer:
    form = Form.sent()
    try:
        with act_as_officer(app, form) as session:
            post = rights.get_post(session, officer(), key)
            draft = signature_form.read(post, post_mapping.make_draft(post), form)
            post_mapping.change_post(session, post, draft, now=app.clock.now())
    except FormRefused:
        return show_form_again(_show(app, key, form))
    return redirect_after_form(f"/{g.language}/desk/posts")
