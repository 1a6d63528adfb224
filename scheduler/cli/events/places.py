"""`scheduler city|organisation|venue|person ...`: where each of their commands is."""

from __future__ import annotations

from scheduler.base.i18n import N_
from scheduler.cli.kit.lazy_group import LazyGroup


def _places(noun: str, plural: str) -> dict[str, str]:
    """Return the commands that all of these nouns have."""
    return {
        "add": f"events.place_planning:add_{noun}",
        "change": f"events.place_planning:change_{noun}",
        "list": f"events.place_listing:list_{plural}",
        "show": f"events.place_listing:show_{noun}",
    }


city = LazyGroup("city", help=N_("Manage cities."), modules=_places("city", "cities"))
organisation = LazyGroup(
    "organisation", help=N_("Manage organisations."), modules=_places("organisation", "organisations")
)
venue = LazyGroup("venue", help=N_("Manage venues."), modules=_places("venue", "venues"))
person = LazyGroup(
    "person",
    help=N_("Manage the people of the programme."),
    modules={
        **_places("person", "people"),
        "change": "guests.person_corrections:change_person",
        "names": "guests.person_corrections:list_names",
        "keep-name": "guests.person_corrections:keep_name",
        "address": "guests.person_address:show_address",
        "offices": "guests.person_address:list_offices",
        "erase": "guests.person_erasure:erase",
        "retention": "guests.person_erasure:retention",
    },
)
