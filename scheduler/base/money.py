"""An amount of money in the numerals of a language, with the code of its currency."""

from __future__ import annotations

from decimal import Decimal

from babel import Locale
from babel.numbers import format_currency

_SIGN, _CODE, _SPACE = "\N{CURRENCY SIGN}", "\N{CURRENCY SIGN}" * 2, "\N{NO-BREAK SPACE}"


def format_money(amount: Decimal, currency: str, language: str) -> str:
    """Return "USD 60.00" or "60,00 USD": a code, because "$" does not tell whose dollars they are."""
    locale = Locale.parse(language, sep="-")
    positive = locale.currency_formats["standard"].pattern.split(";")[0]
    number = positive.replace(_SIGN, "").strip()
    pattern = f"{_CODE}{_SPACE}{number}" if positive.startswith(_SIGN) else f"{number}{_SPACE}{_CODE}"
    return str(format_currency(amount, currency, format=pattern, locale=locale))
