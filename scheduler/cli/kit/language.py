"""The desk's language: that of what a command prints, and of its help."""

from __future__ import annotations

import os

import click

from scheduler.base.i18n import NC_, drop_context
from scheduler.cli.kit import click_words

_language = "en"


def speak(language: str) -> None:
    """Choose the language of everything printed from now on."""
    global _language
    if language != "en" or _language != "en":  # English needs no catalogue
        from scheduler.base.i18n import let_libraries_speak

        let_libraries_speak(language)
    _language = language


def language() -> str:
    return _language


def speak_as_the_environment() -> None:
    """Choose the language of help, which is shown before any settings file is read."""
    speak(os.environ.get("SCHEDULER_LANGUAGE") or "en")


def _(message: str) -> str:
    """Return a message in the desk's language. English needs no catalogue."""
    if _language == "en" or not message:  # the catalogue's entry for "" is its head
        return drop_context(message)
    from scheduler.base.i18n import load_catalogue

    return load_catalogue(_language).gettext(message)


def translate_word(context: str, word: str) -> str:
    """Translate a word of an enumeration that has a context in the catalogues."""
    return _(NC_(context, word))


def translate(command: click.Command) -> click.Command:
    """Put the help of a command, of its options and of its verbs into the desk's language; return the command."""
    _translate_help(command)
    _translate_usage(command)
    for parameter in command.params:
        if isinstance(parameter, click.Option):
            _translate_help(parameter)
            _translate_type(parameter)
    for child in getattr(command, "commands", {}).values():
        translate(child)
    return command


def _translate_help(item: click.Command | click.Option) -> None:
    """Translate from the English of the source each time: the language can change within a process."""
    source = item.__dict__.setdefault("source_help", item.help)
    item.help = _(source) if source else None


def _translate_usage(command: click.Command) -> None:
    command.options_metavar = _(click_words.OPTIONS)
    if isinstance(command, click.Group):
        command.subcommand_metavar = _(click_words.VERB)


def _translate_type(option: click.Option) -> None:
    """Name the type of an option's value, which click does in English only."""
    if option.__dict__.setdefault("source_metavar", option.metavar) is None and not (option.is_flag or option.count):
        word = click_words.TYPES.get(option.type.name)
        option.metavar = _(word) if word else None
