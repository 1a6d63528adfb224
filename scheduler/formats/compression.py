"""The two compressed forms of a feed."""

from __future__ import annotations

import gzip

import brotli


def compress_gzip(content: bytes) -> bytes:
    """Compress bytes by gzip; equal content gives equal bytes, because no time is stored."""
    return gzip.compress(content, 6, mtime=0)


def compress_brotli(content: bytes) -> bytes:
    """Compress bytes by Brotli (RFC 7932)."""
    packed: bytes = brotli.compress(content, mode=brotli.MODE_TEXT, quality=5)
    return packed
