"""New accounts as an administrator writes them, checked before they are added."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BeforeValidator

from scheduler.base.errors import Invalid, SchedulerError
from scheduler.base.i18n import N_
from scheduler.base.text import check_line, fold_text
from scheduler.model.accounts import SIGN_IN_NAME, AccountRole
from scheduler.services.common.drafts import Draft, as_pydantic_error
from scheduler.services.common.values import Language


def _parse_login(value: Any) -> str:
    """Return the name that somebody signs in with, folded; raise a mistake that pydantic collects."""
    name = fold_text(value) if isinstance(value, str) else ""
    if not SIGN_IN_NAME.fullmatch(name) or not 2 <= len(name) <= 100:
        shown = str(value)[:60]
        raise as_pydantic_error(Invalid(_NO_NAME, value=shown))
    return name


_NO_NAME = N_("{value} is not a name to sign in with; write an e-mail address, or letters a-z, digits and . - _")


def _parse_person_name(value: Any) -> str:
    try:
        return check_line(str(value), most=200)
    except SchedulerError as error:
        raise as_pydantic_error(error) from error


class AccountDraft(Draft):
    """A new account: ``name`` is what the officer signs in with, ``called`` their name as people write it."""

    name: Annotated[str, BeforeValidator(_parse_login)]
    called: Annotated[str, BeforeValidator(_parse_person_name)]
    role: AccountRole
    language: Language
