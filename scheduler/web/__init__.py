"""The public pages: server-rendered, in four languages, without a script that anything depends on."""

from __future__ import annotations

from typing import Any

from flask import Flask, request
from werkzeug.middleware.proxy_fix import ProxyFix

from scheduler.app import App
from scheduler.base.resources import TEMPLATES
from scheduler.web import (
    board,
    erasing,
    floods,
    language,
    machines,
    officers,
    own,
    ownvisit,
    pages,
    posts,
    registering,
    safety,
    subscribing,
    templating,
    visiting,
)
from scheduler.web.assets import Assets

# Nothing is sent to these pages but addresses and small forms.
MOST_SENT = 64 * 1024


class Pages(Flask):
    def log_exception(self, exc_info: Any) -> None:
        """Without the address that was asked for: it may be somebody's own."""
        rule = request.url_rule.rule if request.url_rule else "nowhere"
        self.logger.error("Exception on %s [%s]", rule, request.method, exc_info=exc_info)


def create_app(app: App, *, limit: str = "600 per minute") -> Flask:
    """The pages of one instance; ``limit`` is what one address may ask for before it is told to wait."""
    web = Pages("scheduler.web", static_folder=None, template_folder=TEMPLATES)
    web.config.update(MAX_CONTENT_LENGTH=MOST_SENT, MAX_FORM_PARTS=100, UNSOLVED=floods.Few())
    web.url_map.merge_slashes = False  # its redirect would repeat whatever host was asked for
    assets = Assets.read()
    language.install(web, app)
    templating.install(web, app, assets)
    safety.install(web, app, limit)
    web.register_blueprint(pages.blueprint(app))
    web.register_blueprint(machines.blueprint(app, assets))
    web.register_blueprint(subscribing.blueprint(app))
    web.register_blueprint(registering.blueprint(app, web.extensions["scheduler.limiter"]))
    web.register_blueprint(own.blueprint(app, web.extensions["scheduler.limiter"]))
    web.register_blueprint(posts.blueprint(app))
    web.register_blueprint(visiting.blueprint(app, web.extensions["scheduler.limiter"]))
    web.register_blueprint(ownvisit.blueprint(app, web.extensions["scheduler.limiter"]))
    web.register_blueprint(board.blueprint(app))
    officers.install(web, app)
    web.register_blueprint(erasing.blueprint(app, web.extensions["scheduler.limiter"]))
    _behind_proxies(web, int(app.settings.trusted_proxies))
    return web


def _behind_proxies(web: Flask, number: int) -> None:
    """Believe so many of the addresses that proxies add, from the end: what is before them anybody may forge."""
    if number:
        web.wsgi_app = ProxyFix(web.wsgi_app, x_for=number, x_proto=number)  # type: ignore[method-assign]
