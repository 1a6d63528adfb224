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


def _merged(noun: str) -> dict[str, str]:
    """Return the commands that organisations, venues and cities have beside those."""
    return {
        "merge": f"directory.place_merging:merge_{noun}",
        "delete": f"directory.place_merging:delete_{noun}",
    }


city = LazyGroup(
    "city",
    help=N_("Manage cities."),
    modules={**_places("city", "cities"), **_merged("city"), "travel": "events.place_planning:travel"},
)
organisation = LazyGroup(
    "organisation",
    help=N_("Manage organisations."),
    modules=_places("organisation", "organisations") | _merged("organisation"),
)
venue = LazyGroup("venue", help=N_("Manage venues."), modules=_places("venue", "venues") | _merged("venue"))
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
        "merge": "directory.person_merging:merge_people",
        "duplicates": "directory.person_merging:list_duplicates",
        "tell-apart": "directory.person_merging:tell_apart",
        "history": "directory.person_history:show_history",
        "erase": "guests.person_erasure:erase",
        "retention": "guests.person_erasure:retention",
    },
)
