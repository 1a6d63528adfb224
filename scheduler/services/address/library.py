"""The forms of address of an installation, for whoever has a session of its database."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from sqlalchemy.orm import Session

from scheduler.base.errors import Invalid
from scheduler.services.address.addressing import AddressForms
from scheduler.services.address.form_files import read_languages

KEY: Final = "address_forms"  # in the info of a database and of its sessions
OWN_DIRECTORY: Final = "address_forms"  # of an installation's own files, in its data directory
_SHIPPED = AddressForms(read_languages)


def open_forms(data_dir: Path) -> AddressForms:
    """Return the forms of an installation: those of the program, and those in its data directory."""
    return AddressForms(lambda: read_languages(data_dir / OWN_DIRECTORY))


def forms_of(session: Session) -> AddressForms:
    """Return the forms of address of the installation that a session belongs to."""
    found: AddressForms = session.info.get(KEY, _SHIPPED)
    return found


def check_office(session: Session, office: str | None) -> None:
    """Raise Invalid for an office that no file of forms names."""
    known = forms_of(session).offices if office else {}
    if office and office not in known:
        raise Invalid(
            "{place}: {value} is not known; write one of: {known}",
            place="office_class",
            value=office,
            known=", ".join(sorted(known)),
        )
