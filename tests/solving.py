"""A form as a browser sends it: with the seal that it came with, and its challenge solved."""

from __future__ import annotations

import json
import re
from html import unescape

import altcha


def sealed(page: str) -> dict[str, str]:
    return {"seal": re.search(r'name="seal" value="([^"]+)"', page)[1]}


def solved(page: str) -> dict[str, str]:
    return {**sealed(page), "altcha": solution(challenge(page))}


def challenge(page: str) -> dict:
    return json.loads(unescape(re.search(r'data-challenge="([^"]+)"', page)[1]))


def solution(given: dict) -> str:
    asked = altcha.Challenge.from_dict(given)
    return altcha.Payload(asked, altcha.solve_challenge(asked)).to_base64()
