"""The officers' pages: behind a password, each for those whose role may do what it does."""

from __future__ import annotations

from flask import Flask

from scheduler.app import App
from scheduler.web.officers import desk, door, guard, signing


def install(web: Flask, app: App) -> None:
    guard.install(web, app)
    web.register_blueprint(desk.blueprint(app))
    web.register_blueprint(door.blueprint(app))
    web.register_blueprint(signing.blueprint(app, web.extensions["scheduler.limiter"]))
