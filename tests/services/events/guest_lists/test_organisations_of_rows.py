"""The organisation of a row is found by its name only when one alone has that name."""

from __future__ import annotations

from scheduler.services.events.guest_lists.people import read_organisations
from tests.support.builders import an_organisation


def test_a_name_that_two_organisations_have_means_neither_and_their_keys_mean_each(db):
    with db.write() as session:
        first = an_organisation(session, "akimat-astana", name="Akimat").id
        second = an_organisation(session, "akimat-almaty", name={"en": "Akimat", "ru": "Акимат Алматы"}).id
        known = read_organisations(session)

    assert "akimat" not in known
    assert (first, second, second) == (known["akimat-astana"], known["akimat-almaty"], known["акимат алматы"])
