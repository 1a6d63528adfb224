"""Places of the files that come with the package: templates, translations, print sheets, what browsers are sent.

Strings, not paths: this is imported by every command, and pathlib would double the time of a short one.
"""

from __future__ import annotations

import os.path

_PACKAGE = os.path.dirname(os.path.dirname(__file__))  # noqa: PTH120

TEMPLATES = os.path.join(_PACKAGE, "templates")  # noqa: PTH118
TRANSLATIONS = os.path.join(_PACKAGE, "translations")  # noqa: PTH118
PRINT = os.path.join(_PACKAGE, "print")  # noqa: PTH118
ADDRESS_FORMS = os.path.join(_PACKAGE, "address_forms")  # noqa: PTH118
STATIC = os.path.join(_PACKAGE, "web", "static")  # noqa: PTH118
# What others wrote, laid there when the package is built (hatch_build.py): fonts, and the licences of all.
CATALOGUES = os.path.join(_PACKAGE, "bundled", "catalogues")  # noqa: PTH118
BUNDLED_PRINT = os.path.join(_PACKAGE, "bundled", "print")  # noqa: PTH118
BUNDLED_WEB = os.path.join(_PACKAGE, "bundled", "web")  # noqa: PTH118
