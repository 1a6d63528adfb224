"""Two officers at the same form: nothing is overwritten unseen, and nothing that was typed is lost."""

from __future__ import annotations

import pytest
from flask import Flask, g

from scheduler.web.kit.forms import Form
from scheduler.web.officers.kit.answers import FormRefused
from scheduler.web.officers.kit.concurrent_edits import merge_edits, remember_fields

OPENED = {"title": "Opening", "hour": "10:00", "note": "One\nTwo"}


@pytest.fixture(autouse=True)
def reader():
    with Flask("reader").app_context():
        g.language = "en"
        yield


def send(**typed):
    return Form({**remember_fields(OPENED), **typed})


def test_a_form_that_nobody_else_changed_is_taken_as_it_was_typed():
    form = send(title="Closing", note="One\r\nTwo")

    merge_edits(form, OPENED)

    assert ("Closing", {}) == (form["title"], form.errors)


def test_what_only_the_other_officer_changed_is_taken_over_and_shown():
    form = send(title="Closing")

    with pytest.raises(FormRefused):
        merge_edits(form, {**OPENED, "hour": "11:00"})

    assert ("Closing", "11:00") == (form["title"], form["hour"])
    assert {"hour": "Another officer changed this meanwhile. The field has the new value."} == form.errors


def test_where_both_changed_a_field_both_values_are_shown_and_what_was_typed_stays():
    form = send(title="Closing")

    with pytest.raises(FormRefused):
        merge_edits(form, {**OPENED, "title": "Gala"})

    assert "Closing" == form["title"]
    assert "changed this meanwhile to: Gala." in form.errors["title"]


def test_a_form_that_showed_the_other_change_is_accepted_when_it_is_sent_again():
    form, now = send(title="Closing"), {**OPENED, "title": "Gala", "hour": "11:00"}
    with pytest.raises(FormRefused):
        merge_edits(form, now)

    again = Form(form.typed)
    merge_edits(again, now)

    assert ("Closing", "11:00", {}) == (again["title"], again["hour"], again.errors)


def test_both_officers_may_make_the_same_change():
    form = send(hour="11:00")

    merge_edits(form, {**OPENED, "hour": "11:00"})

    assert not form.errors


def test_a_field_that_the_other_officer_emptied_is_said_to_be_empty():
    form = send(note="Three")

    with pytest.raises(FormRefused):
        merge_edits(form, {**OPENED, "note": ""})

    assert "to: an empty field." in form.errors["note"]
