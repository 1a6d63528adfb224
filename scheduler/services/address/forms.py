"""Forms of address as data: the forms of a language, and which of them fit somebody."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum

from scheduler.model.places import Gender, OfficeState


class FormKind(StrEnum):
    """Place in which a form of address stands."""

    ENVELOPE = "envelope"
    SALUTATION = "salutation"
    CLOSING = "closing"
    CARD = "card"  # place cards and badges
    LIST = "list"
    SPEECH = "speech"


@dataclass(frozen=True, slots=True)
class FormOfAddress:
    """One form: whom it is for, when, its words, and how sure they are.

    ``offices``, ``states`` and ``gender`` left empty fit everybody. ``needs`` are placeholders that must have a value
    though the text does not show them. ``mark`` is A (official rule), B (handbook or press), K (general knowledge)
    or C (convention of this program); with "?" a native officer has not confirmed it, and it is not used.
    """

    language: str
    kind: FormKind
    text: str
    mark: str
    source: str
    offices: frozenset[str] = frozenset()
    states: frozenset[str] = frozenset()
    gender: Gender | None = None
    needs: tuple[str, ...] = ()
    valid_from: date | None = None
    valid_to: date | None = None  # the last day
    own: bool = False  # of the installation

    @property
    def confirmed(self) -> bool:
        """Return whether it may be used: not marked with "?"."""
        return not self.mark.endswith("?")

    @property
    def specificity(self) -> tuple[bool, bool, bool, bool, bool]:
        """Rank it among those that fit: office before State before gender before dates; then the own ones."""
        dated = self.valid_from is not None or self.valid_to is not None
        return bool(self.offices), bool(self.states), self.gender is not None, dated, self.own

    @property
    def is_for_everybody(self) -> bool:
        return not (self.offices or self.states or self.gender or self.valid_from or self.valid_to)

    def fits(self, kind: FormKind, office: str, state: OfficeState, gender: Gender, on: date) -> bool:
        """Return whether it is for somebody of this office and gender, on this day."""
        return (
            self.kind is kind
            and (not self.offices or office in self.offices)
            and (not self.states or state in self.states)
            and (self.gender is None or self.gender is gender)
            and (self.valid_from is None or self.valid_from <= on)
            and (self.valid_to is None or on <= self.valid_to)
        )


@dataclass(slots=True)
class LanguageForms:
    """The forms of one language, the plain words of its offices, and its rules for names."""

    language: str
    forms: Sequence[FormOfAddress]
    offices: Mapping[str, str]
    sources: Mapping[str, str]
    joined_titles: frozenset[str] = frozenset()
    spoken_titles: Mapping[str, str] = field(default_factory=dict)
    not_a_person: re.Pattern[str] | None = None
    _found: dict[tuple[object, ...], list[FormOfAddress]] = field(default_factory=dict)

    def list_fitting(
        self, kind: FormKind, office: str, state: OfficeState, gender: Gender, on: date
    ) -> Sequence[FormOfAddress]:
        """Return the forms for somebody, the most specific first, of equal ones in the order of the file."""
        key = (kind, office, state, gender, on)
        if key not in self._found:
            fitting = [form for form in self.forms if form.fits(kind, office, state, gender, on)]
            self._found[key] = sorted(fitting, key=lambda form: form.specificity, reverse=True)
        return self._found[key]

    def join(self, title: str, name: str) -> str:
        """Return a courtesy title with a name."""
        return f"{title}{name}" if title in self.joined_titles else f"{title} {name}"

    def is_personal(self, name: str) -> bool:
        """Return whether a name is that of a person, not plainly that of an office, a body or a family."""
        return not (self.not_a_person and self.not_a_person.search(name.casefold()))
