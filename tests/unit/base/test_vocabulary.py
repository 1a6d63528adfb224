"""Every word that an enumeration can print stands in the catalogues."""

from __future__ import annotations

import pkgutil
from collections.abc import Iterator
from enum import StrEnum
from importlib import import_module

import scheduler
from scheduler.base.config import LogFormat, WaitingRoomMode
from scheduler.base.vocabulary import WORDS, key_of_word
from scheduler.formats.incoming.delivery_reports import Delivery
from scheduler.formats.incoming.mail_kinds import MailKind
from scheduler.formats.printing import PrintForm
from scheduler.model.attendance import Partstat
from scheduler.services.address.forms import FormKind
from scheduler.services.common.tokens import Purpose
from scheduler.services.consulate.posts.availability import Reason
from scheduler.services.consulate.visits.links import VisitPurpose
from scheduler.services.correspondence.senders import FoundBy
from scheduler.services.events.attendance.representation import DeputyNews
from scheduler.services.events.door.arrivals import ScanOutcome
from scheduler.services.events.guests.guest_groups import GuestGroup
from scheduler.services.events.programme.conflicts.contradictions import ClashKind
from scheduler.services.events.programme.rendering.card_words import CardPart
from scheduler.services.letters.inviting.paper import PaperForm
from scheduler.web.officers.calendar.calendar_address import CalendarLook, CalendarNeed

# Words for programs: of addresses, tokens and settings, of RFC 5545, and keys of sentences that stand elsewhere.
NOT_PRINTED = {
    CardPart,
    CalendarLook,
    CalendarNeed,
    ClashKind,
    DeputyNews,
    Delivery,
    FormKind,
    FoundBy,
    GuestGroup,
    LogFormat,
    WaitingRoomMode,
    MailKind,
    PaperForm,
    PrintForm,
    Purpose,
    VisitPurpose,
    Partstat,
    Reason,
    ScanOutcome,
}


def enumerations() -> Iterator[type[StrEnum]]:
    """Of every module of the program; importing `__main__` would run it."""
    for module in pkgutil.walk_packages(scheduler.__path__, "scheduler."):
        if not module.name.endswith("__main__"):
            for found in vars(import_module(module.name)).values():
                if isinstance(found, type) and issubclass(found, StrEnum) and found.__module__ == module.name:
                    yield found


def test_every_word_of_every_enumeration_is_in_the_vocabulary() -> None:
    found = set(enumerations())

    assert NOT_PRINTED < found
    assert set() == {key_of_word(word) for kind in found - NOT_PRINTED for word in kind} - set(WORDS)
