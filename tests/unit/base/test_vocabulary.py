"""Every word that an enumeration can print stands in the catalogues."""

from enum import StrEnum

from scheduler import model
from scheduler.base.vocabulary import WORDS
from scheduler.services import health
from scheduler.services.common import changes
from scheduler.services.events.programme import event_drafts


def test_every_word_of_every_enumeration_is_in_the_vocabulary() -> None:
    modules = (model, changes, health, event_drafts)
    enumerations = {
        found
        for module in modules
        for found in vars(module).values()
        if isinstance(found, type) and found is not StrEnum
    }
    printed = {str(word) for kind in enumerations if issubclass(kind, StrEnum) for word in kind}

    assert printed - set(model.Partstat) <= set(WORDS)  # RFC 5545's own words are for programs
    assert len(printed) > 50
