"""The officers' pages: behind a password, each for those whose role may do what it does."""

from __future__ import annotations

from flask import Flask

from scheduler.app import App
from scheduler.web.officers import (
    account,
    calendars,
    closing,
    desk,
    door,
    front,
    guard,
    guests,
    signing,
    statistics,
    visits,
)


def install(web: Flask, app: App) -> None:
    guard.install(web, app)
    limiter, local = web.extensions["scheduler.limiter"], web.extensions["scheduler.local_limiter"]
    web.register_blueprint(signing.blueprint(app, limiter))
    web.register_blueprint(account.blueprint(app, limiter))
    web.register_blueprint(desk.blueprint(app))
    web.register_blueprint(guests.blueprint(app))
    web.register_blueprint(door.blueprint(app, local))
    web.register_blueprint(front.blueprint(app, local))
    web.register_blueprint(visits.blueprint(app))
    web.register_blueprint(closing.blueprint(app))
    web.register_blueprint(statistics.blueprint(app))
    web.register_blueprint(calendars.blueprint(app))
