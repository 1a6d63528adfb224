"""The plain text of HTML that other calendars put into descriptions."""

from __future__ import annotations

import re
from html import unescape

from calendars.lines import clean_text

_MARKUP = re.compile(
    r"<(?:/?(?:a|b|br|div|font|h\d|html|i|li|ol|p|span|strong|table|u|ul)\b[^<>]*|!--)", re.IGNORECASE
)
_BLOCKS = frozenset(("br", "div", "h1", "h2", "h3", "h4", "li", "p", "table", "tr", "ul", "ol"))
_HIDDEN = frozenset(("head", "script", "style", "title"))
_TAG = re.compile(r"(/?)([a-z][a-z0-9]*)\b[^>]*>|[!?][^>]*>", re.IGNORECASE)  # follows a "<"
_BAD_NUMBER = re.compile(r"&#x?[0-9a-f]{9,};?", re.IGNORECASE)  # too large for any character


def is_html(text: str) -> bool:
    """Return whether a text has tags that descriptions use; a "<" alone is no HTML."""
    return _MARKUP.search(text) is not None


def strip_html(html: str) -> str:
    """Return the text of an HTML description as Google and Outlook write it: foreign mark-up is never shown."""
    first, *pieces = html.split("<")
    reader = _TextReader()
    reader.add_text(first)
    for piece in pieces:
        reader.read(piece)
    text = clean_text("".join(reader.parts)).replace("\xa0", " ")
    return re.sub(r"\n\s*\n\s*", "\n\n", re.sub(r"[ ]+", " ", text))


class _TextReader:
    """Collects the text between tags, in linear time.

    html.parser takes quadratic time and more for tags that never end: a foreign file could occupy us for hours.
    """

    def __init__(self) -> None:
        self.parts: list[str] = []
        self.hidden_in = ""  # the element, or "!--", whose content is not shown

    def read(self, piece: str) -> None:
        """Read what stands between one "<" and the next."""
        if self.hidden_in == "!--" or (not self.hidden_in and piece.startswith("!--")):
            _, end, text = piece.partition("-->")
            self.hidden_in = "" if end else "!--"
            self.add_text(text)
            return
        tag = _TAG.match(piece)
        if tag is None:
            self.add_text(f"<{piece}")
            return
        self._read_tag(closes=bool(tag[1]), name=(tag[2] or "").lower())
        self.add_text(piece[tag.end() :])

    def _read_tag(self, *, closes: bool, name: str) -> None:
        if self.hidden_in:
            self.hidden_in = "" if closes and name == self.hidden_in else self.hidden_in
        elif not closes and name in _HIDDEN:
            self.hidden_in = name
        elif name in (("p", "div") if closes else _BLOCKS):
            self.parts.append("\n")

    def add_text(self, text: str) -> None:
        if not self.hidden_in:
            self.parts.append(unescape(_BAD_NUMBER.sub("\ufffd", text)))
