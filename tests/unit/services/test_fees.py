"""An amount names its currency, so that nobody takes one dollar for another."""

from __future__ import annotations

import pytest

from scheduler.services.consulate.visits.wording import format_money


@pytest.mark.parametrize(
    ("language", "amount", "currency", "expected"),
    [
        ("en", "60", "USD", "USD 60.00"),
        ("en", "1000", "THB", "THB 1,000.00"),
        ("th", "60", "USD", "USD 60.00"),
        ("ru", "60", "USD", "60,00 USD"),
        ("kk", "12500", "KZT", "12 500,00 KZT"),
        ("en", "900", "JPY", "JPY 900"),
    ],
)
def test_an_amount_has_the_code_of_its_currency(language, amount, currency, expected):
    assert format_money(amount, currency, language).replace("\N{NO-BREAK SPACE}", " ") == expected
