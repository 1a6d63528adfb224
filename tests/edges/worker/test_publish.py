"""Published files are the feeds, whole, with their twins; a run writes only what says something else."""

from __future__ import annotations

import gzip
import json
import os
import re
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import brotli
import pytest
import sqlalchemy as sa
from werkzeug.test import Client

from scheduler.base.errors import Conflict, Forbidden, Invalid
from scheduler.base.text import Text
from scheduler.model.events import Event
from scheduler.model.feeds import Feed, Rendering
from scheduler.services.common import lookup
from scheduler.services.events.programme import planning
from scheduler.web.programme.feed_server import FeedServer
from scheduler.worker.publish import publish
from scheduler.worker.publish_targets import Bucket, Directory, target_for
from tests.support.builders import DAILY, NOW, SPRING, a_city, a_feed, a_venue, an_event
from tests.support.instance import Scheduler, connect


@pytest.fixture(autouse=True)
def opening(app) -> None:
    with app.db.write() as session:
        an_event(session, "opening", venue=a_venue(session).key)


ONE_ENGINE = pytest.mark.parametrize("engine", ["sqlite"])  # files are the same on both
OTHERS = b"BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//somebody else//EN\r\nEND:VCALENDAR\r\n"


def a_bucket(app, directory: Path) -> Bucket:
    """In memory, and not shared with another test."""
    return Bucket(f"memory://{directory.parent.name}-{NOW:%s}-{os.getpid()}-{app.db.embedded}")


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    return tmp_path / "public"


def files(directory: Path) -> dict[str, bytes]:
    return {str(file.relative_to(directory)): file.read_bytes() for file in directory.rglob("*") if file.is_file()}


def stamps(directory: Path) -> dict[Path, tuple[int, int]]:
    return {file: (file.stat().st_ino, file.stat().st_mtime_ns) for file in directory.rglob("*")}


def test_every_public_feed_is_there_in_every_language_and_form_with_its_twins(app, directory):
    done = publish(app, Directory(directory))

    found = files(directory)
    forms = 4 * 2 * 2  # languages, by days or hours, without alarms or an hour before
    assert 9 * forms == len(done.written)  # everything, seven kinds and a city
    assert 9 * forms * 3 + 1 == len(found)
    for name in done.written:
        assert found[name] == gzip.decompress(found[name + ".gz"]) == brotli.decompress(found[name + ".br"])
    assert set(json.loads(found["feeds/manifest.json"])) == set(done.written)


def test_what_changes_while_files_are_written_is_in_all_of_them_or_in_none(app, directory, database_url):
    def rename(done: int, _all: int) -> None:
        if done == 1:
            with connect(database_url).write() as session:
                opening = lookup.get(session, Event, "opening")
                planning.change_event(session, opening, now=NOW, title={"en": "Renamed"})

    publish(app, Directory(directory), rename)

    assert not [name for name, content in files(directory).items() if b"Renamed" in content]


def test_each_published_feed_is_what_the_server_sends(app, directory):
    with app.db.write() as session:
        an_event(session, "show", kind="exhibition", venue=a_venue(session, hours=DAILY).key, **SPRING)
        an_event(session, "dinner", visibility="private")

    done = publish(app, Directory(directory))

    client = Client(FeedServer(app, lambda *_: []))
    assert {name: client.get(f"/{name}").data for name in done.written} == {
        name: (directory / name).read_bytes() for name in done.written
    }
    assert b"VTIMEZONE" in (directory / "feeds/all.kk.hours.ics").read_bytes()


@ONE_ENGINE
def test_a_second_run_touches_nothing(app, directory):
    publish(app, Directory(directory))
    before = stamps(directory)

    done = publish(app, Directory(directory))

    assert ([], 144, []) == (done.written, done.unchanged, done.removed)
    assert before == stamps(directory)


def test_a_change_rewrites_the_feeds_that_show_it_and_no_other(app, directory, clock):
    publish(app, Directory(directory))
    clock.advance(timedelta(minutes=1))
    with app.db.write() as session:
        planning.change_event(session, lookup.get(session, Event, "opening"), now=clock.now(), title="Feast")

    done = publish(app, Directory(directory))

    assert {"all", "ceremonies", "city-bangkok"} == {name.split("/")[1].split(".")[0] for name in done.written}
    assert clock.now().timestamp() == (directory / "feeds/all.en.ics").stat().st_mtime


def test_a_feed_that_is_no_more_is_removed_with_its_twins(app, directory):
    with app.db.write() as session:
        a_feed(session, "spring")
    publish(app, Directory(directory))
    with app.db.write() as session:
        session.delete(lookup.get(session, Feed, "spring"))

    done = publish(app, Directory(directory))

    assert 16 == len(done.removed)
    assert not [name for name in files(directory) if "spring" in name]


@ONE_ENGINE
@pytest.mark.parametrize("broken", [b"[]", b"\xff", b"[" * 50_000, b'{"name": "An app of somebody else"}'])
def test_a_manifest_that_no_run_has_written_is_replaced_only_when_that_is_said(app, directory, broken):
    publish(app, Directory(directory))
    whole = files(directory)
    (directory / "feeds/manifest.json").write_bytes(broken)
    (directory / "feeds/all.en.ics").unlink()

    with pytest.raises(Conflict, match=r"manifest\.json: exists already and was not published"):
        publish(app, Directory(directory))

    assert broken == (directory / "feeds/manifest.json").read_bytes()
    publish(app, Directory(directory), overwrite=True)
    assert whole == files(directory)


@ONE_ENGINE
def test_files_that_were_taken_away_are_written_again(app, directory):
    publish(app, Directory(directory))
    whole = files(directory)
    for name in ("manifest.json", "all.en.ics", "all.th.ics.br"):
        (directory / "feeds" / name).unlink()

    publish(app, Directory(directory))

    assert whole == files(directory)


@ONE_ENGINE
@pytest.mark.parametrize(
    ("name", "content"), [("all.en.ics", OTHERS), ("all.en.ics.gz", b""), ("all.en.ics.br", b"notes of somebody")]
)
def test_what_somebody_has_written_over_a_published_file_stays(app, directory, name, content):
    publish(app, Directory(directory))
    rename_opening(app)
    (directory / "feeds" / name).write_bytes(content)
    before = files(directory)

    with pytest.raises(Conflict, match=rf"{name}: exists already and was not published"):
        publish(app, Directory(directory))

    assert before == files(directory)
    publish(app, Directory(directory), overwrite=True)
    assert b"Feast" in (directory / "feeds/all.en.ics").read_bytes()


@ONE_ENGINE
def test_a_calendar_of_ours_that_a_person_put_there_is_theirs(scheduler, directory):
    (directory / "feeds").mkdir(parents=True)
    scheduler("feed", "export", "all", "--output", str(directory / "feeds/all.en.ics"))
    before = files(directory)

    scheduler("feed", "publish", "--to", str(directory), code=1)

    assert before == files(directory)


@ONE_ENGINE
@pytest.mark.parametrize("where", [Directory, lambda place: Bucket(f"memory://{place}")])
def test_the_calendars_of_another_installation_stay(app, directory, where):
    target, other = where(directory), replace(app, settings=replace(app.settings, secret="1" * 64))
    publish(other, target)
    mine = target.read("feeds/all.en.ics")
    rename_opening(app)

    with pytest.raises(Conflict, match="another installation publishes there"):
        publish(app, target)

    assert mine == target.read("feeds/all.en.ics")
    publish(app, target, overwrite=True)
    assert mine != target.read("feeds/all.en.ics")
    with pytest.raises(Conflict, match="another installation publishes there"):
        publish(other, target)


@ONE_ENGINE
def test_what_an_early_version_has_published_is_gone_on_with(app, directory):
    """Its manifest did not name the installation."""
    publish(app, Directory(directory))
    manifest = directory / "feeds/manifest.json"
    early = {name: {**one, "installation": None} for name, one in json.loads(manifest.read_text()).items()}
    manifest.write_text(
        json.dumps({name: {"sha256": one["sha256"], "bytes": one["bytes"]} for name, one in early.items()})
    )
    rename_opening(app)

    publish(app, Directory(directory))

    assert b"Feast" in (directory / "feeds/all.en.ics").read_bytes()


@ONE_ENGINE
@pytest.mark.parametrize("after", [1, 2, 30])
def test_a_run_that_was_interrupted_is_gone_on_with(app, directory, after):
    """Twice, with another change between: files of three runs lie beside each other then."""
    publish(app, Directory(directory))
    for title in ("Feast", "Gala"):
        rename_opening(app, title)
        with pytest.raises(Interrupted):
            publish(app, Failing(directory, after))
    rename_opening(app, "Ball")

    publish(app, Directory(directory))

    assert [] == publish(app, Directory(directory)).written
    assert b"Ball" in (directory / "feeds/all.en.ics").read_bytes()
    assert not (directory / "feeds/.publishing.json").exists()


class Interrupted(Exception):
    """What a run is ended by."""


class Failing(Directory):
    """A directory into which a run puts so many files before it is killed."""

    def __init__(self, root: Path, puts: int) -> None:
        super().__init__(root)
        self.left = puts

    def put(self, name, content, modified):
        self.left -= 1
        if self.left < 0:
            raise Interrupted
        super().put(name, content, modified)


@ONE_ENGINE
def test_what_an_interrupted_run_has_written_is_taken_back_with_the_change_that_it_was_written_for(app, directory):
    """The house got another name of the same length, and then its old one, so that no size and no time differs."""
    houses = [replace(app, settings=replace(app.settings, house=Text({"en": name}))) for name in ("Tulip", "Lotus")]
    publish(houses[0], Directory(directory))
    whole = files(directory)
    with pytest.raises(Interrupted):
        publish(houses[1], Failing(directory, 30))

    publish(houses[0], Directory(directory))

    assert whole == files(directory)


class Watched(Directory):
    """A directory that remembers what was read from it."""

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self.reads: set[str] = set()

    def read(self, name):
        self.reads.add(name)
        return super().read(name)


@ONE_ENGINE
def test_files_that_nobody_else_has_written_are_not_read_before_they_are_replaced(app, directory, clock):
    publish(app, Directory(directory))
    clock.advance(timedelta(minutes=1))
    with app.db.write() as session:
        planning.change_event(session, lookup.get(session, Event, "opening"), now=clock.now(), title="Feast")
    watched = Watched(directory)

    assert 3 * 16 == len(publish(app, watched).written)

    assert {"feeds/manifest.json", "feeds/.publishing.json"} == watched.reads


@ONE_ENGINE
@pytest.mark.parametrize("ending", ["", ".gz", ".br"])
def test_a_file_of_somebody_else_that_is_as_large_as_ours_stays(app, directory, ending):
    publish(app, Directory(directory))
    rename_opening(app)
    file = directory / f"feeds/all.en.ics{ending}"
    file.write_bytes(bytes(file.stat().st_size))
    before = files(directory)

    with pytest.raises(Conflict, match=r"all\.en\.ics.*: exists already and was not published"):
        publish(app, Directory(directory))

    assert before == files(directory)


@ONE_ENGINE
def test_two_runs_do_not_publish_to_one_place_at_the_same_time(app, directory):
    with Directory(directory).hold("feeds"), pytest.raises(Conflict, match="another run is publishing there"):
        publish(app, Directory(directory))

    publish(app, Directory(directory))


@ONE_ENGINE
def test_a_dry_run_says_what_would_be_written_and_removed_and_writes_nothing(scheduler, app, directory):
    said = scheduler("feed", "publish", "--to", str(directory), "--dry-run").output
    assert not directory.exists()
    with app.db.write() as session:
        a_feed(session, "spring")
    publish(app, Directory(directory))
    with app.db.write() as session:
        session.delete(lookup.get(session, Feed, "spring"))
    before = files(directory)

    then = scheduler("feed", "publish", "--to", str(directory), "--dry-run").output

    assert "~ feeds/all.en.ics\n" in said
    assert "- feeds/spring.en.ics\n" in then
    assert "Nothing has been changed yet." in then
    assert before == files(directory)


def rename_opening(app, title: str = "Feast") -> None:
    with app.db.write() as session:
        planning.change_event(session, lookup.get(session, Event, "opening"), now=NOW, title=title)


@ONE_ENGINE
def test_a_twin_that_was_taken_away_is_made_again(app, directory):
    publish(app, Directory(directory))
    whole = files(directory)
    (directory / "feeds/all.en.ics.gz").unlink()

    publish(app, Directory(directory))

    assert whole == files(directory)


@ONE_ENGINE
def test_a_manifest_of_somebody_else_removes_nothing_but_feeds(app, directory):
    publish(app, Directory(directory))
    (directory.parent / "thesis").write_text("years of work")
    manifest = directory / "feeds/manifest.json"
    manifest.write_text(json.dumps({**json.loads(manifest.read_text()), "../thesis": {}, "feeds/../../thesis": {}}))

    assert [] == publish(app, Directory(directory)).removed
    assert (directory.parent / "thesis").exists()


@ONE_ENGINE
@pytest.mark.parametrize("name", ["all.en.ics", "all.en.ics.gz", "ceremonies.th.hours.ics.br", "manifest.json"])
def test_where_a_file_of_somebody_else_has_the_name_of_ours_nothing_is_published(scheduler, directory, name):
    (directory / "feeds").mkdir(parents=True)
    (directory / "feeds" / name).write_bytes(OTHERS)

    said = scheduler("feed", "publish", "--to", str(directory), code=1).output

    assert [f"Error: {directory}/feeds/{name}: exists already and was not published"] == said.strip().split(";")[:1]
    assert {f"feeds/{name}": OTHERS} == files(directory)


@ONE_ENGINE
def test_object_storage_with_a_file_of_somebody_else_is_left_alone_too(app, directory):
    bucket = a_bucket(app, directory)
    bucket.put("feeds/all.en.ics", OTHERS, NOW)

    with pytest.raises(Conflict, match=r"feeds/all\.en\.ics: exists already"):
        publish(app, bucket)

    assert OTHERS == bucket.read("feeds/all.en.ics")
    assert {"feeds/all.en.ics"} == set(bucket.sizes("feeds"))


@ONE_ENGINE
def test_files_beside_the_feeds_stay(app, directory):
    (directory / "feeds").mkdir(parents=True)
    for name in ("index.html", "feeds/mine.en.ics", "feeds/thesis.txt"):
        (directory / name).write_bytes(OTHERS)

    publish(app, Directory(directory))
    publish(app, Directory(directory))

    found = files(directory)
    assert {OTHERS} == {found[name] for name in ("index.html", "feeds/mine.en.ics", "feeds/thesis.txt")}


@ONE_ENGINE
def test_what_somebody_has_put_in_the_place_of_a_feed_that_is_no_more_stays(app, directory):
    with app.db.write() as session:
        a_feed(session, "spring")
    publish(app, Directory(directory))
    (directory / "feeds/spring.en.ics").write_bytes(OTHERS)
    with app.db.write() as session:
        session.delete(lookup.get(session, Feed, "spring"))

    publish(app, Directory(directory))

    assert {"feeds/spring.en.ics": OTHERS} == {
        name: content for name, content in files(directory).items() if "spring" in name
    }


@ONE_ENGINE
@pytest.mark.parametrize(
    "make",
    [lambda file: file.symlink_to(file.parents[2] / "thesis"), os.mkfifo, Path.mkdir],
    ids=["link", "pipe", "folder"],
)
@pytest.mark.parametrize("name", ["all.en.ics.br", "manifest.json"])
def test_what_is_no_file_is_never_replaced(app, directory, make, name):
    publish(app, Directory(directory))
    thesis, file = directory.parent / "thesis", directory / "feeds" / name
    thesis.write_bytes(OTHERS)
    file.unlink()
    make(file)
    before = file.lstat()

    for overwrite in (False, True):
        with pytest.raises(Conflict, match=rf"{name}: is a link, a directory or a device"):
            publish(app, Directory(directory), overwrite=overwrite)

    assert OTHERS == thesis.read_bytes()
    assert (before.st_ino, before.st_mode) == (file.lstat().st_ino, file.lstat().st_mode)


@ONE_ENGINE
def test_a_folder_in_the_place_of_a_feed_that_is_no_more_stays(app, directory):
    with app.db.write() as session:
        a_feed(session, "spring")
    publish(app, Directory(directory))
    (directory / "feeds/spring.en.ics").unlink()
    (directory / "feeds/spring.en.ics").mkdir()
    with app.db.write() as session:
        session.delete(lookup.get(session, Feed, "spring"))

    publish(app, Directory(directory))

    assert (directory / "feeds/spring.en.ics").is_dir()
    assert not (directory / "feeds/spring.en.ics.gz").exists()


@ONE_ENGINE
def test_a_url_of_this_machine_is_a_directory(app, directory):
    publish(app, target_for(f"file://{directory}/with%20blank"))

    assert (directory / "with blank/feeds/all.en.ics").exists()


def test_a_city_that_only_private_events_are_in_is_not_told(app, directory):
    with app.db.write() as session:
        a_city(session, "tashkent")
        an_event(session, "talks", visibility="private", cities=("tashkent",))

    publish(app, Directory(directory))

    assert not [name for name, content in files(directory).items() if "tashkent" in name or b"tashkent" in content]


def test_no_private_event_is_published(app, directory):
    with app.db.write() as session:
        an_event(session, "dinner", visibility="private")
        an_event(session, "talks", visibility="confidential")

    publish(app, Directory(directory))

    assert not [name for name, content in files(directory).items() if b"Dinner" in content or b"Talks" in content]


@ONE_ENGINE
@pytest.mark.parametrize("place", ["/proc/scheduler", "/proc/self"])
def test_a_directory_that_cannot_be_written_is_said(app, place):
    """Where not even root may write."""
    with pytest.raises(Forbidden, match="cannot be written"):
        publish(app, Directory(Path(place)))


@ONE_ENGINE
def test_a_file_in_the_way_is_said(app, tmp_path):
    (tmp_path / "feeds").write_text("")

    with pytest.raises(Forbidden, match="cannot be"):
        publish(app, Directory(tmp_path))


@ONE_ENGINE
def test_object_storage_holds_the_same(app, directory):
    bucket = a_bucket(app, directory)

    first, second = publish(app, bucket), publish(app, bucket)
    publish(app, Directory(directory))

    assert (144, [], 144) == (len(first.written), second.written, second.unchanged)
    assert all(content == bucket.read(name) for name, content in files(directory).items())
    bucket.remove("feeds/all.en.ics")
    assert bucket.read("feeds/all.en.ics") is None


def test_a_place_that_nobody_knows_is_refused():
    for url in ("nowhere://x", "s3://[", "file://["):
        with pytest.raises(Invalid, match=re.escape(f"--to {url}: ")):
            target_for(url)


def test_the_command_says_what_it_did(scheduler: Scheduler, directory):
    assert "Written: 144, unchanged: 0, removed: 0." in scheduler("feed", "publish", "--to", str(directory)).output
    assert 144 == json.loads(scheduler("feed", "publish", "--to", str(directory), "--json").output)["unchanged"]


@ONE_ENGINE
def test_a_feed_that_no_change_touches_is_not_made_again_unless_all_are_checked(app, directory):
    publish(app, Directory(directory))
    with app.db.write() as session:
        session.execute(sa.update(Rendering).values(body=b"BEGIN:VEVENT\r\nEND:VEVENT\r\n"))  # behind our back

    assert [] == publish(app, Directory(directory)).written
    assert 3 * 16 == len(publish(app, Directory(directory), check=True).written)  # everything, ceremonies, the city


@ONE_ENGINE
def test_a_check_finds_what_somebody_has_changed_within_a_file(app, directory):
    publish(app, Directory(directory))
    whole, file = files(directory), directory / "feeds/all.en.ics"
    file.write_bytes(file.read_bytes().replace(b"SUMMARY", b"SUMMERY"))

    assert [] == publish(app, Directory(directory)).written
    with pytest.raises(Conflict, match=r"all\.en\.ics: exists already and was not published"):
        publish(app, Directory(directory), check=True)

    publish(app, Directory(directory), check=True, overwrite=True)
    assert whole == files(directory)


@ONE_ENGINE
def test_after_any_change_a_check_finds_nothing_left_to_write(app, directory, clock):
    """What a feed is said to be written from is all that it depends on."""
    with app.db.write() as session:
        a_feed(session, "spring")
        a_city(session, "phuket")
        an_event(session, "talks", cities=("phuket",), **SPRING)

    changes = {
        "renamed": lambda session: setattr(lookup.get(session, Feed, "spring"), "name", Text({"en": "Summer"})),
        "elsewhere": lambda session: change(session, "talks", cities=("bangkok",)),
        "private": lambda session: change(session, "talks", visibility="private"),
        "new": lambda session: an_event(session, "show", kind="exhibition", venue="hall", **SPRING),
        "narrower": lambda session: setattr(lookup.get(session, Feed, "spring"), "kinds", ["visit"]),
        "past": lambda _session: clock.advance(timedelta(days=400)),
    }
    for name, make in changes.items():
        with app.db.write() as session:
            make(session)
        publish(app, Directory(directory))
        assert [] == publish(app, Directory(directory), check=True, keep=False).written, name

    house = replace(app, settings=replace(app.settings, house=Text({"en": "Another house"})))
    assert publish(house, Directory(directory)).written


def change(session, key, **values) -> None:
    planning.change_event(session, lookup.get(session, Event, key), now=NOW, **values)
