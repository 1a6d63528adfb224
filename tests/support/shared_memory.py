"""Imported last by the process that others are forked from: what it has by then is shared with all of them."""

from __future__ import annotations

import gc

gc.collect()
gc.freeze()  # a search for garbage in one of them would touch all of it, and what is touched is copied
