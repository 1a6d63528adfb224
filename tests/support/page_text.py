"""The text of a page, a line for each block of it, as its reader has it: with labels that are only heard."""

from __future__ import annotations

from html.parser import HTMLParser

_INLINE = {"a", "abbr", "b", "bdi", "button", "em", "i", "label", "mark", "s", "small", "span", "strong", "time"}
_HIDDEN = {"script", "style", "svg", "head", "template"}
_SPOKEN = ("aria-label", "placeholder", "alt", "data-said", "title")


class _Reader(HTMLParser):
    def __init__(self, part: str) -> None:
        super().__init__()
        self.part, self.lines, self.inside, self.hidden = part, [""], int(not part), 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.inside += tag == self.part
        self.hidden += tag in _HIDDEN
        if tag not in _INLINE:
            self.lines.append("")
        for name, value in attrs:
            if name in _SPOKEN and value and self.inside and not self.hidden:
                self.lines[-1:] = [self.lines[-1], f"[{value}]", ""]

    def handle_endtag(self, tag: str) -> None:
        self.inside -= tag == self.part
        self.hidden -= tag in _HIDDEN
        if tag not in _INLINE:
            self.lines.append("")

    def handle_data(self, data: str) -> None:
        if self.inside and not self.hidden:
            self.lines[-1] += data


def list_page_lines(html: str, part: str = "main") -> list[str]:
    """Return the lines of a part of a page, or of a piece of one as a whole, that have words in them, each once."""
    reader = _Reader(part if f"<{part}" in html else "")
    reader.feed(html)
    lines = (" ".join(line.split()) for line in reader.lines)
    return list(dict.fromkeys(line for line in lines if any(letter.isalpha() for letter in line)))
