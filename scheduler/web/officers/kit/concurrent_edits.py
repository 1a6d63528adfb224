"""Two officers at the same form: what the other one changed is shown and taken over, never overwritten unseen.

A form carries in hidden fields what each of its fields was when it was opened (``desk.seen(form)`` in templates). So
three values are at hand when it is sent: what the field was, what was typed, and what it would show if it were opened
now. Where only the other officer has changed a field, the form takes that over; where both have, it shows the other
value beside what was typed. In either case the officer sees the form once more before anything is done.
"""

from __future__ import annotations

from collections.abc import Mapping

from scheduler.web.kit.forms import Form
from scheduler.web.kit.language import _
from scheduler.web.officers.kit.answers import FormRefused

SEEN = "seen_"


def remember_fields(fields: Mapping[str, str]) -> dict[str, str]:
    """Return the fields of a form that is opened, and beside them what they are now."""
    return {**fields, **{SEEN + name: value for name, value in fields.items()}}


def merge_edits(form: Form, current: Mapping[str, str]) -> None:
    """Take over into a form that was sent what another officer has changed since it was opened.

    ``current`` has the fields of a form that would be opened now. Raise FormRefused if the other officer changed any
    of them: the form then shows what is new, and is accepted when it is sent again. A field that was not remembered
    (`remember_fields`) is not compared.
    """
    changed = [name for name, value in current.items() if _is_changed(form, name, value)]
    if not changed:
        return
    typed = {**form.typed, **{SEEN + name: current[name] for name in changed}}
    for name in changed:
        if _is_untouched(form, name):
            typed[name] = current[name]
            form.errors[name] = _("Another officer changed this meanwhile. The field has the new value.")
        else:
            other = current[name] or _("an empty field")
            form.errors[name] = _(
                "Another officer changed this meanwhile to: {other}. The field has what you entered.", other=other
            )
    form.typed = typed
    raise FormRefused


def _is_changed(form: Form, name: str, current: str) -> bool:
    seen = form.typed.get(SEEN + name)
    return seen is not None and _even(seen) != _even(current) and _even(form[name]) != _even(current)


def _is_untouched(form: Form, name: str) -> bool:
    return _even(form[name]) == _even(form[SEEN + name])


def _even(value: str) -> str:
    """Return a value as browsers send it: with the line ends of HTML forms, without space around it."""
    return value.replace("\r\n", "\n").strip()
