"""Every word that an enumeration can print stands in the catalogues."""

from enum import StrEnum
from types import ModuleType

from scheduler import model
from scheduler.base.vocabulary import WORDS
from scheduler.model import attendance
from scheduler.services import health
from scheduler.services.common import changes
from scheduler.services.events.programme import event_drafts


def _names(module: ModuleType) -> list[str]:
    """The names of a module; those of `scheduler.model` are imported when they are asked for."""
    return getattr(module, "__all__", None) or list(vars(module))


def test_every_word_of_every_enumeration_is_in_the_vocabulary() -> None:
    modules = (model, changes, health, event_drafts)
    enumerations = {
        found
        for module in modules
        for found in (getattr(module, name) for name in _names(module))
        if isinstance(found, type) and found is not StrEnum
    }
    printed = {str(word) for kind in enumerations if issubclass(kind, StrEnum) for word in kind}

    assert printed - set(attendance.Partstat) <= set(WORDS)  # RFC 5545's own words are for programs
    assert len(printed) > 50
