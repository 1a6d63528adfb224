"""`scheduler digest` shows an officer's digest, of the time that is asked for, on the clock of the house."""

from __future__ import annotations

import json

from scheduler.model.accounts import AccountRole
from tests.support.accounts import an_account
from tests.support.builders import a_person, an_event, invite


def test_it_tells_each_part_that_has_something_to_say(app, scheduler):
    an_account(app)
    with app.db.write() as session:
        event = an_event(session, dtstart=None)
        invite(session, event, a_person(session, "governor", name="Somchai"))
    scheduler("attendee", "answer", "opening", "governor", "accepted", "--by", "telephone")

    record = json.loads(scheduler("digest", "aigerim", "--json").output)
    shown = scheduler("digest", "aigerim").output

    (answer,) = record["answers"]
    assert ("opening", "Somchai", "accepted", "telephone") == tuple(
        answer[name] for name in ("event", "guest", "answer", "way")
    )
    assert "New answers" in shown
    assert "Somchai" in shown
    assert "Today and tomorrow" not in shown


def test_with_nothing_to_say_it_says_so(app, scheduler):
    an_account(app, role=AccountRole.VIEWER)

    assert scheduler("digest", "aigerim").output == "There is nothing to say.\n"


def test_bad_input_is_one_line_with_the_remedy(app, scheduler):
    an_account(app)

    assert "there is no account nobody; see: scheduler account list" in scheduler("digest", "nobody", code=1).output
    assert "--since: " in scheduler("digest", "aigerim", "--since", "someday", code=2).output
