"""Addresses for machines: static files, sitemap, robots.txt."""

from __future__ import annotations

from flask import Blueprint, Response, redirect, render_template
from werkzeug.wrappers import Response as Answer

from scheduler.app import App
from scheduler.base.i18n import LANGUAGES
from scheduler.services.events.programme import agenda
from scheduler.web.kit.assets import Assets
from scheduler.web.memory.page_marks import remembered


def blueprint(app: App, assets: Assets) -> Blueprint:
    machines = Blueprint("machines", __name__)

    @machines.get("/static/<digest>/<path:name>")
    def static(digest: str, name: str) -> Response:
        return assets.serve(digest, name)

    @machines.get("/favicon.ico")
    def favicon() -> Answer:
        return redirect(assets.url("icon.svg"))

    @machines.get("/robots.txt")
    def robots() -> Response:
        """Write robots.txt, which forbids nothing: the servers of calendar programs obey it, too.

        What is not to be indexed says so itself (X-Robots-Tag).
        """
        text = f"User-agent: *\nDisallow:\n\nSitemap: {app.settings.base_url}/sitemap.xml\n"
        return Response(text, content_type="text/plain; charset=utf-8")

    @machines.get("/sitemap.xml")
    @remembered()
    def sitemap() -> Response:
        return _sitemap(app)

    return machines


def _sitemap(app: App) -> Response:
    with app.db.read() as session:
        found = agenda.list_for_sitemap(session)
    paths = [("/", None), ("/subscribe", None), *((f"/events/{key}", revised) for key, revised in found)]
    xml = render_template("web/sitemap.xml", paths=paths, base_url=app.settings.base_url, all_languages=LANGUAGES)
    return Response(xml, content_type="application/xml; charset=utf-8")
