"""Settings: from the environment, else from a file, else the default; `TABLE` lists all of them."""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import timedelta
from enum import StrEnum
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from scheduler.base.errors import Invalid
from scheduler.base.i18n import LANGUAGES, N_
from scheduler.base.text import Text, can_be_stored

PREFIX = "SCHEDULER_"
CREDENTIALS = "CREDENTIALS_DIRECTORY"  # set by systemd for a service with credentials
MAX_PORT = 65535
MOST_INSIDE = 99999
MOST_BESIDE_MARK = 18  # characters of a local part, of which 64 are allowed (RFC 5321 4.5.3.1.1)


class LogFormat(StrEnum):
    """The form of a log: lines for people, or a JSON object in each."""

    TEXT = "text"
    JSON = "json"


class WaitingRoomMode(StrEnum):
    """Choice when those who book or register stand in line: never, while more come than can be served, or always."""

    OFF = "off"
    LOAD = "load"
    ALWAYS = "always"


@dataclass(frozen=True, slots=True)
class Setting:
    """One row of the table of settings; "{data_dir}" in a default stands for the data directory.

    ``credential`` is the name of the systemd credential that is the value where nothing is set (systemd.exec(5),
    LoadCredential=).
    """

    key: str
    default: str
    help: str
    credential: str = ""


TABLE = (
    Setting("data_dir", "", N_("directory of the embedded database, the secret key and the e-mails")),
    Setting(
        "database_url",
        "sqlite:///{data_dir}/scheduler.db",
        N_("address of the database in which everything is stored"),
    ),
    Setting(
        "mail_url",
        "file:{data_dir}/letters",
        N_("smtp://HOST:PORT, smtps://USER:PASSWORD@HOST or file:DIRECTORY"),
    ),
    Setting("base_url", "http://localhost:8000", N_("address under which people reach the pages and feeds")),
    Setting(
        "trusted_proxies",
        "0",
        N_("how many proxies in front of the server report the address of the client (X-Forwarded-For, -Proto)"),
    ),
    Setting(
        "mail_from",
        "Programme <programme@localhost>",
        N_("mailbox of the sender; replies go there if the signature has no e-mail"),
    ),
    Setting(
        "mail_replies",
        "",
        N_(
            "mailbox of answers to invitations, with * for the mark of each guest, such as answers+*@example.org;"
            " if not set, answers go to mail_from"
        ),
    ),
    Setting(
        "mail_in_url",
        "",
        N_("mailbox that the worker reads answers from: imaps://USER:PASSWORD@HOST/FOLDER; if not set, none"),
    ),
    Setting(
        "mail_checked_by",
        "",
        N_("name of your mail server in Authentication-Results; answers that it says are forged are set aside"),
    ),
    Setting(
        "secret",
        "",
        N_("secret key of links and Message-IDs; if not set, it is created and stored in the data directory"),
    ),
    Setting("secret_file", "", N_("file that contains that key, instead of the key itself"), credential="secret"),
    Setting(
        "backup_key",
        "",
        N_("age key of backups: with age1… they can only be written, with AGE-SECRET-KEY-1… also read"),
    ),
    Setting(
        "backup_key_file", "", N_("file that contains that key, instead of the key itself"), credential="backup-key"
    ),
    Setting("language", "en", N_("language of the officers' desk and of people who have chosen none")),
    Setting("timezone", "UTC", N_("time zone of times that are entered without one")),
    Setting(
        "retention_days", "90", N_("days after their last event when visitors are erased; 0: only when they ask")
    ),
    Setting("house", "Programme office", N_("official name of the office, under e-mails without an organizer")),
    Setting("log_format", "text", N_("form of the log: text, or json for programs that collect it")),
    Setting("log_requests", "no", N_("yes: the server logs each request, by the pattern of its address")),
    Setting(
        "waiting_room",
        "off",
        N_("who books or registers stands in line: off, load (while more come than can be served) or always"),
    ),
    Setting(
        "waiting_room_inside",
        "200",
        N_("how many people the waiting room lets book or register at the same time"),
    ),
    Setting("serve_metrics_port", "0", N_("port of this machine at which the server shows metrics; 0: none")),
    Setting("worker_metrics_port", "0", N_("port of this machine at which the worker shows metrics; 0: none")),
)
KEYS = tuple(setting.key for setting in TABLE)


@dataclass(frozen=True, slots=True)
class Settings:
    """The settings in force, and the source of each value (an environment variable, a file, or the default)."""

    data_dir: Path
    database_url: str
    mail_url: str
    base_url: str
    trusted_proxies: str
    mail_from: str
    mail_replies: str
    mail_in_url: str
    mail_checked_by: str
    secret: str
    secret_file: str
    backup_key: str
    backup_key_file: str
    language: str
    timezone: str
    retention_days: str
    house: Text
    log_format: str
    log_requests: str
    waiting_room: str
    waiting_room_inside: str
    serve_metrics_port: str
    worker_metrics_port: str
    sources: Mapping[str, str]

    @property
    def pages(self) -> str:
        """The `base_url` if somebody has set one, else "": no entry should link to a page that is not served."""
        return "" if self.sources["base_url"] == "default" else self.base_url

    @property
    def retention(self) -> timedelta | None:
        """Return how long after their last event visitors' data are kept.

        None where they are kept until they ask for erasure.
        """
        return timedelta(days=int(self.retention_days)) or None

    def shown(self, key: str) -> str:
        """Return a value as it may be printed, without secret or password."""
        value = str(getattr(self, key))
        if key in ("secret", "backup_key"):
            return "***" if value else ""
        return without_password(value) if key.endswith("_url") else value


def load_settings(environ: Mapping[str, str] = os.environ, file: Path | None = None) -> Settings:
    """Read the settings.

    Raise Invalid for a file that is missing, cannot be read or has unknown keys, and for values that make no sense.
    """
    file = file or _named_file(environ)
    values, sources = _merge(environ, file)
    _require_texts(values)
    data_dir = Path(values["data_dir"] or _default_data_dir()).expanduser().absolute()
    for key in ("database_url", "mail_url"):
        values[key] = values[key].replace("{data_dir}", str(data_dir))
    _check(values, sources)
    values["base_url"] = values["base_url"].rstrip("/")
    values["house"] = _text(values["house"])
    return Settings(**{**values, "data_dir": data_dir, "sources": sources})


def _named_file(environ: Mapping[str, str]) -> Path | None:
    return Path(environ[f"{PREFIX}CONFIG"]) if environ.get(f"{PREFIX}CONFIG") else None


def _merge(environ: Mapping[str, str], file: Path | None) -> tuple[dict[str, Any], dict[str, str]]:
    written = _read(file) if file else {}
    values, sources = {}, {}
    for setting in TABLE:
        name = PREFIX + setting.key.upper()
        if environ.get(name):
            values[setting.key], sources[setting.key] = environ[name], name
        elif setting.key in written:
            values[setting.key], sources[setting.key] = written[setting.key], str(file)
        elif credential := _credential(environ, setting):
            values[setting.key], sources[setting.key] = credential, CREDENTIALS
        else:
            values[setting.key], sources[setting.key] = setting.default, "default"
    return values, sources


def _credential(environ: Mapping[str, str], setting: Setting) -> str:
    """Return the path of a systemd credential, or "" if this process was given none of that name."""
    directory = environ.get(CREDENTIALS)
    file = Path(directory, setting.credential) if directory and setting.credential else None
    return str(file) if file is not None and file.is_file() else ""


MAX_NESTING = 20  # levels of tables and lists; no file of ours has more than six


def parse_toml(text: str, file: Path) -> dict[str, Any]:
    """Parse the text of a TOML file. Raise Invalid for any other text, and for one that nests too deeply."""
    try:
        tables = tomllib.loads(text)
    except RecursionError as error:
        raise _nested_too_deeply(file) from error
    except ValueError as error:  # of the parser, or of a number with thousands of digits
        raise Invalid("{file}: is not TOML: {reason}", file=file, reason=error) from error
    level: list[Any] = [tables]
    for _ in range(MAX_NESTING):
        values = (value for one in level for value in (one.values() if isinstance(one, dict) else one))
        level = [value for value in values if isinstance(value, (dict, list))]
    if level:
        raise _nested_too_deeply(file)
    return tables


def _nested_too_deeply(file: Path) -> Invalid:
    return Invalid("{file}: has more than {most} brackets inside each other", file=file, most=MAX_NESTING)


def _read(file: Path) -> dict[str, Any]:
    try:
        written = parse_toml(file.read_text(encoding="utf-8"), file)
    except FileNotFoundError as error:
        raise Invalid("{file}: there is no such file", file=file) from error
    except (OSError, UnicodeDecodeError) as error:
        raise Invalid("{file}: cannot be read: {reason}", file=file, reason=error) from error
    unknown = sorted(set(written) - set(KEYS))
    if unknown:
        raise Invalid(
            "{file}: {key}: there is no such setting; choose one of: {known}",
            file=file,
            key=unknown[0],
            known=", ".join(KEYS),
        )
    return written


def _default_data_dir() -> str:
    from platformdirs import user_data_dir

    return user_data_dir("consular-scheduler", appauthor=False)


def _text(value: str | Mapping[str, str]) -> Text:
    """Read a name: a string for all languages, or a table of one per language."""
    return Text(value if isinstance(value, Mapping) else {"en": value})


def _require_texts(values: Mapping[str, Any]) -> None:
    """Raise Invalid for a value that is no text."""
    for key, value in values.items():
        texts = list(value.values()) if key == "house" and isinstance(value, dict) else [value]
        if not all(isinstance(text, str) and can_be_stored(text) for text in texts):
            raise Invalid("{key}: must be a text", key=key)


def _check(values: Mapping[str, Any], sources: Mapping[str, str]) -> None:
    from scheduler.base.clock import zone

    if values["language"] not in LANGUAGES:
        raise Invalid(
            "language: {language} is not known; choose one of: {known}",
            language=values["language"],
            known=", ".join(LANGUAGES),
        )
    if not (values["trusted_proxies"].isascii() and values["trusted_proxies"].isdecimal()):
        raise Invalid(
            "trusted_proxies: {value} is not a number; write a whole number, such as 1",
            value=values["trusted_proxies"],
        )
    _check_keys(values, sources)
    _check_replies(values["mail_replies"])
    _check_days("retention_days", values["retention_days"])
    _check_inside(values["waiting_room_inside"])
    _check_monitoring(values)
    zone(values["timezone"])
    if not _is_site(values["base_url"]):
        raise Invalid("base_url: {url} is not a web address; write https://HOST", url=values["base_url"])


def _check_replies(pattern: str) -> None:
    """Raise Invalid for a mailbox of answers that has no room for the mark of a guest: 46 characters."""
    local, at, domain = pattern.partition("@")
    wrong = pattern.count("*") != 1 or "*" in domain or not at or not domain or re.search(r"[\s<>\"(),:;]", pattern)
    if pattern and (wrong or len(local) > MOST_BESIDE_MARK):
        raise Invalid(
            "mail_replies: {value} is not an address with one * before the @; write answers+*@example.org",
            value=pattern,
        )


def _check_keys(values: Mapping[str, Any], sources: Mapping[str, str]) -> None:
    """Raise Invalid if a key is set both itself and as a file; a credential of systemd gives way to the key."""
    for key in ("secret", "backup_key"):
        file = f"{key}_file"
        if values[key] and values[file] and sources[file] != CREDENTIALS:
            raise Invalid("{file}: {key} is set, too; keep one of the two", file=file, key=key)


def _is_site(url: str) -> bool:
    try:
        address = urlsplit(url)
        named = address.hostname and (address.port is None or address.port)
    except ValueError:  # of brackets without an IPv6 address in them, or of a port that is no number
        return False
    return address.scheme in ("http", "https") and bool(named) and not (address.query or address.fragment)


def _check_inside(value: str) -> None:
    if not (value.isascii() and value.isdecimal() and 0 < int(value[:6]) <= MOST_INSIDE):
        raise Invalid(
            "waiting_room_inside: {value} is not a number of people; write a number from 1 to 99999", value=value
        )


def _check_monitoring(values: Mapping[str, Any]) -> None:
    """Raise Invalid for a setting of the log, the metrics or the waiting room that is not one of those there are."""
    for key, known in (
        ("log_format", list(LogFormat)),
        ("log_requests", ["no", "yes"]),
        ("waiting_room", list(WaitingRoomMode)),
    ):
        if values[key] not in known:
            raise Invalid("{key}: {value} is not one of: {known}", key=key, value=values[key], known=", ".join(known))
    for key in ("serve_metrics_port", "worker_metrics_port"):
        port = values[key]
        if not (port.isascii() and port.isdecimal() and int(port[:6]) <= MAX_PORT):
            raise Invalid("{key}: {value} is not a port; write a number from 1 to 65535", key=key, value=port)


def _check_days(key: str, value: str) -> None:
    if not (value.isascii() and value.isdecimal() and len(value) <= 5):
        raise Invalid(
            "{key}: {value} is not a number of days; write a whole number, such as 30", key=key, value=value
        )


def without_password(url: str) -> str:
    scheme, mark, rest = url.partition("://")
    user, at, host = rest.rpartition("@")
    if not (mark and at and ":" in user):
        return url
    return f"{scheme}://{user.split(':')[0]}:***@{host}"


assert tuple(field.name for field in fields(Settings))[:-1] == KEYS  # noqa: S101 - the table is the settings
