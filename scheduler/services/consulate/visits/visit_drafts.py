"""Drafts of visits: the people who come, and how to reach them."""

from __future__ import annotations

from typing import Annotated, Any, Self

from pydantic import BeforeValidator, Field, model_validator

from scheduler.base.errors import Invalid
from scheduler.base.text import check_line
from scheduler.model.posts import Layout
from scheduler.services.common.drafts import Draft, as_pydantic_error
from scheduler.services.common.values import Email, Language, Telephone, Zone
from scheduler.services.consulate.posts.free_times import Party

MAX_DOCUMENTS = 50


def _check_line(most: int) -> BeforeValidator:
    """Return a validator for a single line of text of at most ``most`` characters."""

    def read(value: Any) -> str:
        if not isinstance(value, str):
            raise as_pydantic_error(Invalid("must be a text"))
        try:
            return check_line(value, most=most)
        except Invalid as error:
            raise as_pydantic_error(error) from error

    return BeforeValidator(read)


VisitorName = Annotated[str, _check_line(300)]


class VisitorDraft(Draft):
    """A person who comes, and the number of the passport or other document that shows who they are."""

    name: VisitorName
    document: Annotated[str, _check_line(60)]


class ContactDraft(Draft):
    """The way to reach the first person of a party, by e-mail or telephone, and how to write to them."""

    email: Email | None = None
    telephone: Telephone | None = None
    language: Language = "en"
    tz: Zone | None = None

    @model_validator(mode="after")
    def _check_reachable(self) -> Self:
        if self.email is None and self.telephone is None:
            raise as_pydantic_error(Invalid("email: give an e-mail address, or a telephone number"))
        return self


class VisitDraft(ContactDraft):
    """A party; its first person is the contact. Without ``documents`` there is one for each person."""

    people: Annotated[tuple[VisitorDraft, ...], Field(min_length=1, max_length=20)]
    documents: Annotated[int, Field(ge=1, le=MAX_DOCUMENTS)] | None = None
    layout: Layout = Layout.ADJOINING

    @property
    def party(self) -> Party:
        people = len(self.people)
        return Party(people=people, documents=self.documents or people, layout=self.layout)
