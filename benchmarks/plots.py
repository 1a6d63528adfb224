"""A picture of what was measured over time: panels above each other, on one axis of seconds, as SVG."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from xml.sax.saxutils import escape

WIDTH, HEIGHT, LEFT, RIGHT, GAP = 960, 220, 70, 130, 50  # of one panel, in pixels; GAP is above each
COLOURS = ("#1f5fa8", "#b3541e", "#2e7d4f", "#8a2f6b", "#6b6b00")
STEPS = (1, 2, 5)
Points = Sequence[tuple[float, float]]  # seconds, value


@dataclass(frozen=True, slots=True)
class Panel:
    """Lines with the names that stand beside them, on an axis that begins at 0."""

    title: str
    lines: Mapping[str, Points]


@dataclass(frozen=True, slots=True)
class Span:
    """Time from one second to another in which something was different."""

    name: str
    first: float
    last: float


def draw(title: str, panels: Sequence[Panel], spans: Sequence[Span], *, seconds: float) -> str:
    """Return the picture; ``seconds`` is where the axis of time ends."""
    height = len(panels) * (HEIGHT + GAP) + GAP
    body = "\n".join(
        line
        for number, panel in enumerate(panels)
        for line in _draw_panel(panel, spans, top=GAP + number * (HEIGHT + GAP), seconds=seconds)
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" role="img"'
        f' font-family="sans-serif" font-size="13">\n<title>{escape(title)}</title>\n'
        f'<rect width="{WIDTH}" height="{height}" fill="#ffffff"/>\n{body}\n</svg>\n'
    )


def _draw_panel(panel: Panel, spans: Sequence[Span], *, top: float, seconds: float) -> Iterator[str]:
    most = max((value for points in panel.lines.values() for _, value in points), default=1) or 1
    right, bottom = WIDTH - RIGHT, top + HEIGHT

    def place(at: float, value: float) -> str:
        return f"{LEFT + at / seconds * (right - LEFT):.1f},{bottom - value / most * HEIGHT:.1f}"

    yield f'<text x="{LEFT}" y="{top - 12}" font-weight="bold">{escape(panel.title)}</text>'
    for span in spans:
        x, end = (LEFT + min(at, seconds) / seconds * (right - LEFT) for at in (span.first, span.last))
        yield f'<rect x="{x:.1f}" y="{top}" width="{end - x:.1f}" height="{HEIGHT}" fill="#e8e2d0"/>'
        yield f'<text x="{x + 3:.1f}" y="{top + 14}" font-size="11" fill="#5c5340">{escape(span.name)}</text>'
    for value in _ticks(most):
        y = bottom - value / most * HEIGHT
        yield f'<path d="M{LEFT} {y:.1f}H{right}" stroke="#d8d8d8"/>'
        yield f'<text x="{LEFT - 8}" y="{y + 4:.1f}" text-anchor="end">{value:,.0f}</text>'
    for at in _ticks(seconds):
        x = LEFT + at / seconds * (right - LEFT)
        yield f'<text x="{x:.1f}" y="{bottom + 18}" text-anchor="middle">{at:.0f} s</text>'
    ends = _part([bottom - points[-1][1] / most * HEIGHT for points in panel.lines.values() if points])
    for colour, (name, points), y in zip(COLOURS, panel.lines.items(), ends, strict=False):
        path = " ".join(place(at, value) for at, value in points)
        yield f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="1.5"/>'
        yield f'<text x="{right + 6}" y="{y + 4:.1f}" fill="{colour}">{escape(name)}</text>'


def _ticks(most: float) -> Sequence[float]:
    """Return round values from 0 up to the largest: at most eight."""
    step = next(step * 10**power for power in range(9) for step in STEPS if most / (step * 10**power) <= 8)
    return [step * number for number in range(int(most / step) + 1)]


def _part(heights: Sequence[float], *, least: float = 15) -> Sequence[float]:
    """Move heights apart so that the names at them do not lie upon each other."""
    order = sorted(range(len(heights)), key=heights.__getitem__)
    parted = list(heights)
    for above, below in pairwise(order):
        parted[below] = max(parted[below], parted[above] + least)
    return parted
