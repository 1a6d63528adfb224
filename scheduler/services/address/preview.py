"""Preview of how somebody is addressed in each language, for those who check it before a letter leaves."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from scheduler.base.errors import Invalid
from scheduler.base.i18n import N_
from scheduler.services.address.addressing import Addressee, AddressForms, Wording
from scheduler.services.address.forms import FormKind

# Where each kind of words stands, for people.
PLACES: Mapping[FormKind, str] = {
    FormKind.ENVELOPE: N_("Envelope"),
    FormKind.SALUTATION: N_("Salutation"),
    FormKind.CLOSING: N_("Closing"),
    FormKind.CARD: N_("Card and badge"),
    FormKind.LIST: N_("In lists"),
    FormKind.SPEECH: N_("In speech"),
}


@dataclass(frozen=True, slots=True)
class AddressPreview:
    """Form of address in one language; ``name_language`` is that of the name if it has none in this one."""

    language: str
    name_language: str
    words: Sequence[Wording]


def preview(
    forms: AddressForms, who: Addressee, *, on: date, languages: Collection[str] = ()
) -> Sequence[AddressPreview]:
    """Return how somebody is addressed in these languages, or in all. Raise Invalid for one without forms."""
    for tag in languages:
        if tag not in forms.languages:
            known = ", ".join(forms.languages)
            raise Invalid("language: there are no forms of address in {tag}; there are {known}", tag=tag, known=known)
    return [_preview(forms, who, tag, on) for tag in languages or forms.languages]


def _preview(forms: AddressForms, who: Addressee, language: str, on: date) -> AddressPreview:
    spoken = who.name.language_for(language)
    words = tuple(forms.word_all(who, language, on=on))
    return AddressPreview(language, "" if spoken == language else spoken, words)
