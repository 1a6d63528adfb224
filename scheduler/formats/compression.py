"""The two compressed forms of a feed."""

from __future__ import annotations

import gzip

import brotli


def gzipped(content: bytes) -> bytes:
    """Equal bytes for equal content: no time in it."""
    return gzip.compress(content, 6, mtime=0)


def brotlied(content: bytes) -> bytes:
    packed: bytes = brotli.compress(content, mode=brotli.MODE_TEXT, quality=5)
    return packed
