"""Signing in over HTTP: who may, for how long, what is refused, and where nobody is led."""

from __future__ import annotations

import re
from datetime import timedelta
from html import unescape

import pytest
import sqlalchemy as sa
from argon2 import PasswordHasher
from flask import Blueprint

from scheduler.app import App
from scheduler.base import config
from scheduler.model.accounts import Account, AccountRole, Act
from scheduler.model.audit import Audit
from scheduler.model.events import Event
from scheduler.services.accounts import accounts, passwords
from scheduler.services.accounts.account_drafts import AccountDraft
from scheduler.services.accounts.accounts import INVITATION_LIFETIME, LONGEST_SESSION, MAX_IDLE
from scheduler.web.application import create_app
from scheduler.web.officers.kit import guard, scope
from scheduler.web.officers.kit.guard import DESK, may
from tests.support.accounts import PASSWORD, SIGN_IN, an_account, seal, sign_in, text
from tests.support.builders import NOW, an_event, register
from tests.support.instance import pages_of

pytestmark = pytest.mark.both_engines

ONE_ENGINE = pytest.mark.parametrize("engine", ["sqlite"])
MINUTE = timedelta(minutes=1)
PAGES = ("/en/desk", "/en/desk/account", "/en/desk/accounts", "/en/desk/events/opening")


@pytest.fixture
def web(app):
    return pages_of(app).test_client()


def is_signed_in(web) -> bool:
    return 200 == web.get("/en/desk/account").status_code


def hidden_fields(answer) -> dict[str, str]:
    """Return the hidden fields of the form in the middle of a page, as a browser would send them."""
    main = re.search(r'<main.*?<form method="post".*?</form>', answer.get_data(as_text=True), re.DOTALL)[0]
    lines = re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', main)
    texts = re.findall(r'<textarea hidden name="([^"]+)"[^>]*>\n(.*?)</textarea>', main, re.DOTALL)
    return {unescape(name): unescape(value) for name, value in (*lines, *texts)}


def change(app, deed, name="aigerim", **given) -> None:
    with app.db.write() as session:
        deed(session, accounts.get_for_update(session, name), now=app.clock.now(), **given)


# Who may


def test_who_knows_the_password_is_signed_in_and_led_to_the_desk(app, web):
    an_account(app)

    signed = sign_in(web, " Aigerim ")

    assert (303, "/en/desk") == (signed.status_code, signed.headers["Location"])
    assert 200 == web.get("/en/desk").status_code
    with app.db.read() as session:
        assert NOW == session.scalars(sa.select(Account.last_signed_in_at)).one()
        assert "aigerim@web" == session.scalars(sa.select(Audit.actor).where(Audit.action == "sign in")).one()


@ONE_ENGINE
def test_a_wrong_password_and_an_unknown_name_are_answered_alike(app, web):
    an_account(app)
    an_account(app, "gone")
    change(app, accounts.disable, "gone")
    an_account(app, "new")
    with app.db.write() as session:
        accounts.get(session, "new").password_hash = None

    wrong = ("aigerim", "not the password of hers"), ("nobody", PASSWORD), ("gone", PASSWORD), ("new", PASSWORD)
    answers = [sign_in(web, *one) for one in wrong]

    bodies = {re.sub(r'value="[^"]*"', "", text(answer)) for answer in answers}
    assert {422} == {answer.status_code for answer in answers}
    assert 1 == len(bodies)
    assert "do not match" in bodies.pop()
    assert not is_signed_in(web)


@ONE_ENGINE
def test_an_unknown_name_takes_as_much_work_as_a_wrong_password(app, web, monkeypatch):
    an_account(app)
    worked = []
    verify = PasswordHasher.verify
    monkeypatch.setattr(PasswordHasher, "verify", lambda *given: worked.append(1) or verify(*given))

    counts = []
    for name in ("aigerim", "nobody", "no name at all/"):
        worked.clear()
        sign_in(web, name, "some password of no one")
        counts.append(len(worked))

    assert [1, 1, 1] == counts


@ONE_ENGINE
def test_the_name_that_was_typed_is_kept_and_the_password_is_not(app, web):
    page = text(sign_in(web, "aigerim", "Quite another one"))

    assert 'value="aigerim"' in page
    assert "Quite another one" not in page


@ONE_ENGINE
def test_nothing_typed_is_asked_for(app, web):
    assert "Enter your sign-in name and your password." in text(sign_in(web, "", ""))


# Every page


def add_page(web, rule, view, *, name="forgotten", guarded=True):
    pages = guard.blueprint(name) if guarded else Blueprint(name, __name__)
    pages.get(rule, endpoint="page")(view)
    web.register_blueprint(pages)


@ONE_ENGINE
@pytest.mark.parametrize(
    ("rule", "stated", "guarded"),
    [
        ("/en/desk/forgotten", lambda view: view, True),
        (f"{DESK}/forgotten", lambda view: view, True),
        (f"{DESK}/forgotten", may(about=scope.LISTS), False),
        (f"{DESK}/forgotten", lambda view: view, False),
        ("/en/forgotten", may(about=scope.LISTS), True),
        ("/en/forgotten", may(about=scope.LISTS), False),
        (f"{DESK}/events/<key>/forgotten", may(Act.SEE_GUESTS, about=scope.LISTS), True),
        (f"{DESK}/events/<key>/forgotten/<int:number>", may(Act.SEE_GUESTS, about=scope.EVENT), True),
        (f"{DESK}/forgotten", may(Act.SEE_GUESTS, about=scope.EVENT), True),
        (f"{DESK}/forgotten/<other>", may(Act.SEE_GUESTS, about=scope.EVENT), True),
    ],
)
def test_a_site_with_a_page_that_does_not_state_who_may_see_what_does_not_start(app, rule, stated, guarded):
    site = create_app(app)

    with pytest.raises(ValueError, match="forgotten"):
        add_page(site, rule, stated(lambda **_said: "secret"), guarded=guarded)


@ONE_ENGINE
def test_a_page_of_the_desk_outside_of_a_blueprint_does_not_start_either(app):
    def forgotten(**_said):
        return "secret"

    with pytest.raises(ValueError, match="forgotten"):
        create_app(app).get(f"{DESK}/forgotten")(forgotten)


@ONE_ENGINE
def test_a_page_that_looks_nothing_up_is_still_only_for_those_who_may_know_what_it_is_about(app):
    site = create_app(app)
    view = may(Act.SEE_GUESTS, about=scope.EVENT)(lambda **said: said["key"])
    add_page(site, f"{DESK}/events/<key>/echo", view)
    with app.db.write() as session:
        an_event(session)
        an_event(session, "talks", visibility="confidential")
    an_account(app, role=AccountRole.DOOR)
    client = site.test_client()
    sign_in(client)

    answers = {key: client.get(f"/en/desk/events/{key}/echo").status_code for key in ("opening", "talks", "none")}

    assert {"opening": 200, "talks": 404, "none": 404} == answers


@ONE_ENGINE
def test_what_is_refused_stays_so_for_a_form_that_is_sent_without_its_page(app, web):
    with app.db.write() as session:
        who = register(session, an_event(session)).id
    an_account(app, role=AccountRole.DOOR)
    sign_in(web)

    sent = web.post(
        f"/en/desk/events/opening/guests/{who}/removal", data={"csrf_token": seal(web, "/en/desk/account")}
    )

    assert 403 == sent.status_code


@ONE_ENGINE
def test_pages_of_the_desk_are_kept_nowhere_and_found_by_no_robot(app, web):
    an_account(app)
    sign_in(web)

    for path in (*PAGES, SIGN_IN, "/en/desk/set-up/1-x"):
        headers = web.get(path).headers
        assert headers["Cache-Control"] in ("private, no-store", "no-store"), path
        assert "noindex" == headers["X-Robots-Tag"], path
    assert "desk" not in text(web.get("/sitemap.xml"))


@ONE_ENGINE
def test_what_everybody_reads_neither_sets_a_cookie_nor_knows_who_is_signed_in(app, web):
    with app.db.write() as session:
        an_event(session, registration="public")
    public = ("/", "/en/", "/en/events/opening", "/en/events/opening/register", "/en/subscribe", "/sitemap.xml")
    stranger = pages_of(app).test_client()
    an_account(app)
    sign_in(web)

    for path in public:
        mine, theirs = web.get(path), stranger.get(path)
        assert "Set-Cookie" not in mine.headers, path
        assert mine.headers.get("Vary") == theirs.headers.get("Vary"), path
        # Made anew for each copy of a form, whoever asks.
        plain = [re.sub(r'(name="seal" value|data-challenge)="[^"]+"', "", one.text) for one in (mine, theirs)]
        assert plain[0] == plain[1], path


# For how long


@ONE_ENGINE
def test_a_session_ends_when_nobody_used_it_for_half_a_day_and_lives_on_while_somebody_does(app, web, clock):
    an_account(app)
    sign_in(web)

    for _turn in range(3):
        clock.advance(MAX_IDLE - MINUTE)
        assert is_signed_in(web)
    clock.advance(MAX_IDLE + MINUTE)

    assert not is_signed_in(web)


@ONE_ENGINE
def test_however_much_it_is_used_a_session_ends_after_a_week(app, web, clock):
    an_account(app)
    sign_in(web)

    for _hour in range(int(LONGEST_SESSION / MAX_IDLE) * 2 - 1):
        clock.advance(MAX_IDLE / 2)
        assert is_signed_in(web)
    clock.advance(MAX_IDLE / 2)

    assert not is_signed_in(web)


@pytest.mark.parametrize("deed", [accounts.disable, accounts.end_sessions])
def test_a_session_ends_at_once_when_the_account_is_disabled_or_signed_out(app, web, deed):
    an_account(app)
    sign_in(web)

    change(app, deed)

    assert not is_signed_in(web)


@ONE_ENGINE
def test_a_role_that_is_taken_away_is_gone_on_the_next_page(app, web):
    an_account(app)
    sign_in(web)
    with app.db.write() as session:
        an_event(session)
    assert 200 == web.get("/en/desk/events/opening/letters").status_code

    change(app, accounts.give_role, role=AccountRole.VIEWER)

    assert 403 == web.get("/en/desk/events/opening/letters").status_code


@ONE_ENGINE
def test_who_signs_out_is_out_and_an_address_alone_signs_nobody_out(app, web):
    an_account(app)
    sign_in(web)

    assert 405 == web.get("/en/desk/sign-out").status_code
    assert is_signed_in(web)
    web.post("/en/desk/sign-out", data={"csrf_token": seal(web, "/en/desk/account")})

    assert not is_signed_in(web)


@ONE_ENGINE
def test_signing_out_everywhere_ends_the_sessions_of_other_devices(app, web):
    an_account(app)
    sign_in(web)
    telephone = pages_of(app).test_client()
    sign_in(telephone)

    web.post("/en/desk/account/sessions", data={"csrf_token": seal(web, "/en/desk/account")})

    assert [False, False] == [is_signed_in(one) for one in (web, telephone)]


# What is refused


@ONE_ENGINE
def test_too_many_wrong_passwords_lock_the_name_from_wherever_they_come(app, web):
    an_account(app)
    site = pages_of(app).test_client()
    for number in range(10):
        site.environ_base["REMOTE_ADDR"] = f"127.0.0.{number + 1}"
        assert 422 == sign_in(site, password="one guess after another").status_code

    right = sign_in(site)

    assert 429 == right.status_code
    assert "wrong password was entered too often" in text(right)
    assert not is_signed_in(site)
    assert 422 == sign_in(site, "somebody-else").status_code


@ONE_ENGINE
def test_a_name_that_is_not_there_is_locked_just_the_same(app, web):
    statuses = [sign_in(web, "nobody", "one guess after another").status_code for _try in range(11)]

    assert [422] * 10 + [429] == statuses


@ONE_ENGINE
def test_the_right_password_forgets_the_wrong_ones(app, web):
    an_account(app)
    wrong = [sign_in(web, password="one guess after another").status_code for _try in range(9)]

    sign_in(web)
    web.post("/en/desk/sign-out", data={"csrf_token": seal(web, "/en/desk/account")})

    assert [422] * 9 == wrong
    assert [422] * 9 == [sign_in(web, password="one guess more").status_code for _try in range(9)]


@ONE_ENGINE
def test_one_address_may_not_try_name_after_name(app, web):
    statuses = [sign_in(web, f"name{number}", "summer of lanterns").status_code for number in range(21)]

    assert [422] * 20 + [429] == statuses


@ONE_ENGINE
@pytest.mark.parametrize(
    "elsewhere",
    [
        "en/desk",
        "https://evil.example/",
        "//evil.example/en/desk",
        "/\\evil.example/en/desk",
        "\\\\evil.example",
        "/en/desk\n//evil.example",
        "https:/en/desk",
        "javascript:alert(1)//en/desk",
        "/en/events/opening",
        "/en/desktop",
        "http://[/en/desk",
    ],
)
def test_after_signing_in_nobody_is_led_elsewhere(app, web, elsewhere):
    an_account(app)

    assert "/en/desk" == sign_in(web, next=elsewhere).headers["Location"]


@ONE_ENGINE
def test_after_signing_in_one_is_where_one_wanted_to_be(app, web):
    an_account(app)
    with app.db.write() as session:
        an_event(session)

    led = web.get("/th/desk/events/opening?name=%D0%98%D0%B2%D0%B0%D0%BD").headers["Location"]
    shown = text(web.get(led))
    back = re.search(r'name="next" value="([^"]+)"', shown)[1]
    signed = sign_in(web, next=back)

    assert led.startswith("/th/desk/sign-in?next=")
    assert "/th/desk/events/opening?name=%D0%98%D0%B2%D0%B0%D0%BD" == signed.headers["Location"]


@ONE_ENGINE
def test_signing_in_keeps_nothing_of_the_session_before(app, web):
    an_account(app)
    prepared = seal(web)
    before = web.get_cookie("desk").value

    sign_in(web)

    assert before != web.get_cookie("desk").value
    assert 400 == web.post("/en/desk/sign-out", data={"csrf_token": prepared}).status_code
    assert is_signed_in(web)


@ONE_ENGINE
@pytest.mark.parametrize(
    "cookie", ["", "x", "eyJfdXNlcl9pZCI6IjEifQ.Zw.abc", "." * 4000, "%00", '{"_user_id":"1-a"}']
)
def test_a_cookie_that_is_not_ours_opens_nothing(app, web, cookie):
    an_account(app)
    web.set_cookie("desk", cookie)

    assert 303 == web.get("/en/desk").status_code


@ONE_ENGINE
def test_a_session_of_another_instance_opens_nothing(app, web, environment, clock):
    an_account(app)
    sign_in(web)
    other = App.open(config.load_settings({**environment, "SCHEDULER_SECRET": "1" * 64}), clock)
    client = pages_of(other).test_client()

    client.set_cookie("desk", web.get_cookie("desk").value)

    assert not is_signed_in(client)
    other.close()


@ONE_ENGINE
def test_a_form_without_its_seal_or_from_another_site_changes_nothing(app, web):
    an_account(app)
    sign_in(web)
    sealed = {"csrf_token": seal(web, "/en/desk/account"), "language": "th"}

    answers = [
        web.post("/en/desk/account/language", data={"language": "th"}),
        web.post("/en/desk/account/language", data={**sealed, "csrf_token": "x"}),
        web.post("/en/desk/account/language", data=sealed, headers={"Origin": "https://evil.example"}),
        web.post("/en/desk/account/language", data=sealed, headers={"Sec-Fetch-Site": "cross-site"}),
    ]

    assert {400} == {answer.status_code for answer in answers}
    with app.db.read() as session:
        assert "en" == accounts.get(session, "aigerim").language


@ONE_ENGINE
def test_a_form_that_was_filled_in_for_too_long_comes_back_with_what_was_typed(app, web, clock):
    an_account(app)
    with app.db.write() as session:
        an_event(session)
    sign_in(web)
    form = "/en/desk/events/opening/register"
    sealed = seal(web, form)
    clock.advance(MAX_IDLE + MINUTE)

    sent = web.post(
        form,
        data={"csrf_token": sealed, "name": "Айгүл <Нұрланқызы>", "password": "s3cret"},
        headers={"Referer": f"http://localhost{form}"},
    )

    assert 401 == sent.status_code
    assert "Айгүл &lt;Нұрланқызы&gt;" in sent.get_data(as_text=True)
    assert "s3cret" not in text(sent)
    assert "You are signed out; nothing was changed" in text(sent)
    with app.db.read() as session:
        assert [] == session.scalars(sa.select(Audit.row).where(Audit.action == "register")).all()


@ONE_ENGINE
def test_whoever_is_signed_out_while_typing_signs_in_and_goes_on_with_it(app, web, clock):
    an_account(app)
    sign_in(web)
    plan = "/en/desk/plan/new"
    typed = {
        "kind": "meeting",
        "known": "unknown",
        "title_en": "Typed for an <hour>",
        "description_en": "\nOne\n\nTwo",
    }
    sealed = seal(web, f"{plan}?kind=meeting")
    clock.advance(MAX_IDLE + MINUTE)

    asked = web.post(plan, data={"csrf_token": sealed, **typed})
    kept = hidden_fields(asked)
    wrong = web.post(SIGN_IN, data={**kept, "name": "aigerim", "password": "no"})
    kept = hidden_fields(wrong)
    back = web.post(SIGN_IN, data={**kept, "name": "aigerim", "password": PASSWORD})
    again = hidden_fields(back)

    assert [401, 422, 200] == [one.status_code for one in (asked, wrong, back)]
    assert 303 == web.post(plan, data=again).status_code
    with app.db.read() as session:
        planned = session.scalars(sa.select(Event)).one()
        assert ("Typed for an <hour>", "One\n\nTwo") == (planned.title["en"], planned.description["en"])


@ONE_ENGINE
@pytest.mark.parametrize(
    "typed", [{"before": PASSWORD, "password": "x", "again": "x"}, {"unfinished": "//evil.example"}]
)
def test_no_secret_is_kept_for_later_and_nothing_is_sent_to_another_site(app, web, typed):
    an_account(app)

    asked = web.post("/en/desk/account/password", data=typed)
    back = web.post(SIGN_IN, data={"csrf_token": seal(web), "name": "aigerim", "password": PASSWORD, **typed})

    assert PASSWORD not in asked.get_data(as_text=True)
    assert "evil.example" not in back.get_data(as_text=True)


@ONE_ENGINE
@pytest.mark.parametrize(("url", "name"), [("https://embassy.example", "__Host-desk"), ("http://localhost", "desk")])
def test_the_cookie_is_for_our_pages_alone_and_for_no_script(environment, clock, url, name):
    app = App.open(config.load_settings({**environment, "SCHEDULER_BASE_URL": url}), clock)

    said = pages_of(app).test_client().get(SIGN_IN).headers["Set-Cookie"]

    parts = {part.strip() for part in said.split(";")}
    assert said.startswith(f"{name}=")
    assert {"HttpOnly", "Path=/", "SameSite=Lax"} <= parts
    assert url.startswith("https") == ("Secure" in parts)
    assert not any(part.startswith("Domain") for part in parts)
    app.close()


def test_a_password_kept_with_weaker_parameters_is_kept_anew_when_it_is_next_used(app, web):
    old = PasswordHasher(time_cost=1, memory_cost=8 * 1024, parallelism=1).hash(PASSWORD)
    an_account(app, kept=old)

    sign_in(web)

    with app.db.read() as session:
        kept = accounts.get(session, "aigerim").password_hash
    assert kept != old
    assert passwords.is_match(PASSWORD, kept)
    assert not passwords.is_outdated(kept)
    assert is_signed_in(web)


# One's own account


NEW = "copper meadow seven bridges"


def new_password(web, **typed):
    said = {"before": PASSWORD, "password": NEW, "again": typed.get("password", NEW), **typed}
    return web.post("/en/desk/account/password", data={"csrf_token": seal(web, "/en/desk/account"), **said})


def test_who_changes_their_password_stays_signed_in_here_and_nowhere_else(app, web):
    an_account(app)
    sign_in(web)
    telephone = pages_of(app).test_client()
    sign_in(telephone)

    changed = new_password(web)

    assert (303, "/en/desk/account?done=password") == (changed.status_code, changed.headers["Location"])
    assert [True, False] == [is_signed_in(one) for one in (web, telephone)]
    assert 422 == sign_in(telephone).status_code
    assert 303 == sign_in(telephone, password=NEW).status_code


@ONE_ENGINE
@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ({"before": "not mine at all"}, "This is not your password."),
        ({"again": "another one altogether"}, "The two passwords are not the same. Enter both again."),
        ({"password": "short"}, "The password must have at least 12 characters"),
        ({"password": "Password1234!"}, "The password is one of those that are guessed first"),
        ({"password": "the aigerim of old"}, "The password must not contain the name"),
    ],
)
def test_a_password_is_changed_by_who_knows_it_to_one_that_is_hard_to_guess(app, web, typed, said):
    an_account(app)
    sign_in(web)

    answer = new_password(web, **typed)

    assert 422 == answer.status_code
    assert said in text(answer)
    assert 303 == sign_in(pages_of(app).test_client()).status_code


@ONE_ENGINE
def test_ones_language_is_where_the_desk_begins(app, web):
    an_account(app)
    sign_in(web)

    web.post("/en/desk/account/language", data={"csrf_token": seal(web, "/en/desk/account"), "language": "kk"})

    assert "/kk/desk" == web.get("/desk", headers={"Accept-Language": "th"}).headers["Location"]


# A link to choose a password


def invited(app, name="new") -> str:
    draft = AccountDraft(name=name, called="Somebody New", role=AccountRole.DOOR, language="en")
    with app.db.write() as session:
        made = accounts.add(session, draft, now=NOW)
        return f"/en/desk/set-up/{accounts.invite(session, made, secret=app.secret, now=NOW)}"


def choose(web, link, password=PASSWORD):
    found = re.search(r'name="csrf_token" value="([^"]+)"', text(web.get(link)))
    return web.post(link, data={"csrf_token": found and found[1], "password": password, "again": password})


def test_the_link_sets_a_password_once_and_signs_in(app, web):
    link = invited(app)

    assert "Your sign-in name: new" in text(web.get(link))
    chosen = choose(web, link)

    assert (303, "/en/desk") == (chosen.status_code, chosen.headers["Location"])
    assert is_signed_in(web)
    assert 404 == web.get(link).status_code
    assert 303 == sign_in(pages_of(app).test_client(), "new").status_code


@ONE_ENGINE
def test_opening_the_link_changes_nothing_and_a_weak_password_does_not_use_it_up(app, web):
    link = invited(app)

    web.get(link)
    weak = choose(web, link, "short")

    assert 422 == weak.status_code
    assert 200 == web.get(link).status_code


@ONE_ENGINE
def test_a_link_lapses_is_spent_by_another_one_and_opens_no_disabled_account(app, web, clock):
    first = invited(app)
    with app.db.write() as session:
        token = accounts.invite(session, accounts.get(session, "new"), secret=app.secret, now=NOW)
    assert 404 == web.get(first).status_code
    second = f"/en/desk/set-up/{token}"
    assert 200 == web.get(second).status_code

    clock.advance(INVITATION_LIFETIME)
    assert 404 == web.get(second).status_code
    clock.set(NOW)
    change(app, accounts.disable, "new")
    assert 404 == web.get(second).status_code
