"""Where the secret comes from: a variable, a file, a systemd credential, or the data directory."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from scheduler.app import App
from scheduler.base.config import load_settings
from scheduler.base.errors import Conflict, Invalid, SchedulerError
from tests.support.instance import Scheduler

KEY, OTHER = "k" * 64, "o" * 64


@pytest.fixture(params=["sqlite"])
def engine(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    return {"SCHEDULER_DATA_DIR": str(tmp_path / "data")}


@pytest.fixture
def file(tmp_path: Path) -> Path:
    (tmp_path / "key").write_text(f"{KEY}\n")
    return tmp_path / "key"


def secret_of(environment: dict[str, str]) -> str:
    return App(load_settings(environment), None).secret  # type: ignore[arg-type]


def test_the_secret_is_read_from_the_file_that_is_named(environment: dict[str, str], file: Path) -> None:
    assert KEY == secret_of({**environment, "SCHEDULER_SECRET_FILE": str(file)})


def test_a_database_server_needs_no_variable_beside_the_file(environment: dict[str, str], file: Path) -> None:
    on_server = {**environment, "SCHEDULER_DATABASE_URL": "postgresql://nobody@127.0.0.1:1/none"}

    assert KEY == secret_of({**on_server, "SCHEDULER_SECRET_FILE": str(file)})
    with pytest.raises(Conflict, match="secret: is not set"):
        secret_of(on_server)


def test_a_credential_of_systemd_is_the_secret_unless_one_is_set(
    environment: dict[str, str], file: Path, tmp_path: Path
) -> None:
    credentials = tmp_path / "credentials"
    credentials.mkdir()
    given = {**environment, "CREDENTIALS_DIRECTORY": str(credentials)}
    made = secret_of(given)
    (credentials / "secret").write_text(OTHER)

    assert made not in (KEY, OTHER)
    assert OTHER == secret_of(given)
    assert KEY == secret_of({**given, "SCHEDULER_SECRET_FILE": str(file)})
    assert KEY == secret_of({**given, "SCHEDULER_SECRET": KEY})


def test_a_secret_that_is_set_twice_is_refused(environment: dict[str, str], file: Path) -> None:
    with pytest.raises(Invalid, match=r"^secret_file: secret is set, too; keep one of the two$"):
        load_settings({**environment, "SCHEDULER_SECRET": KEY, "SCHEDULER_SECRET_FILE": str(file)})


@pytest.mark.parametrize("kept", [True, False])
@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "is empty"),
        (b" \n", "is empty"),
        (b"\xff\xfe", "is not a text file"),
        (None, "cannot be read: Is a directory"),
    ],
)
def test_a_file_without_a_secret_is_refused_in_one_line(
    environment: dict[str, str], tmp_path: Path, kept: bool, content: bytes | None, reason: str
) -> None:
    """An empty secret would let everybody make every link."""
    place = tmp_path / "data" / "secret" if kept else tmp_path / "elsewhere"
    place.parent.mkdir(exist_ok=True)
    place.mkdir() if content is None else place.write_bytes(content)
    named = {} if kept else {"SCHEDULER_SECRET_FILE": str(place)}

    with pytest.raises(SchedulerError) as refused:
        secret_of({**environment, **named})

    assert str(refused.value).startswith(f"{'secret' if kept else 'secret_file'}: {place} {reason}")
    assert "\n" not in str(refused.value)


def test_a_file_that_is_not_there_is_refused_and_none_is_made(environment: dict[str, str], tmp_path: Path) -> None:
    with pytest.raises(SchedulerError, match=r"secret_file: .*gone cannot be read: No such file"):
        secret_of({**environment, "SCHEDULER_SECRET_FILE": str(tmp_path / "gone")})

    assert not (tmp_path / "data").exists()


def test_the_doctor_says_where_the_secret_came_from_and_never_what_it_is(
    environment: dict[str, str], scheduler: Scheduler, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SCHEDULER_SECRET_FILE", str(file))

    told = scheduler("doctor", "--json").stdout

    secret = next(one for one in json.loads(told)["findings"] if one["what"] == "secret")
    assert ("ok", f"set; source: {file}") == (secret["state"], secret["found"])
    assert KEY not in told


def test_the_doctor_tells_a_secret_that_is_empty(
    scheduler: Scheduler, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "empty").touch()
    monkeypatch.setenv("SCHEDULER_SECRET_FILE", str(tmp_path / "empty"))

    told = json.loads(scheduler("doctor", "--json", code=1).stdout)
    secret = next(one for one in told["findings"] if one["what"] == "secret")
    assert "failure" == secret["state"]
    assert "is empty" in secret["found"]
