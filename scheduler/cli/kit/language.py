"""The desk's language: that of what a command prints, and of its help."""

from __future__ import annotations

import os

import click

_language = "en"


def speak(language: str) -> None:
    """Choose the language of everything printed from now on."""
    global _language
    _language = language


def language() -> str:
    return _language


def speak_as_the_environment() -> None:
    """Choose the language of help, which is shown before any settings file is read."""
    speak(os.environ.get("SCHEDULER_LANGUAGE") or "en")


def _(message: str) -> str:
    """Return a message in the desk's language. English needs no catalogue."""
    if _language == "en" or not message:  # the catalogue's entry for "" is its head
        return message
    from scheduler.base.i18n import load_catalogue

    return load_catalogue(_language).gettext(message)


def translate(command: click.Command) -> click.Command:
    """Put the help of a command, of its options and of its verbs into the desk's language; return the command."""
    _translate_help(command)
    for parameter in command.params:
        if isinstance(parameter, click.Option):
            _translate_help(parameter)
    for child in getattr(command, "commands", {}).values():
        translate(child)
    return command


def _translate_help(item: click.Command | click.Option) -> None:
    """Translate from the English of the source each time: the language can change within a process."""
    source = item.__dict__.setdefault("source_help", item.help)
    item.help = _(source) if source else None
