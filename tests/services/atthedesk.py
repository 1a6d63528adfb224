"""A post with a day: visits booked for it, a service for walk-ins, officers of every role."""

from __future__ import annotations

from scheduler.app import App
from scheduler.services.accounts import accounts, assigned_posts
from scheduler.services.consulate.posts import posts
from tests.services.consulate import MORNING, PASSPORT, Consulate, a_post

NAMES = {
    "en": "Consulate of Kazakhstan in Phuket",
    "kk": "Қазақстанның Пхукеттегі консулдығы",
    "ru": "Консульство Казахстана на Пхукете",
    "th": "สถานกงสุลคาซัคสถาน ณ จังหวัดภูเก็ต",
}
COUNTERS = {
    number: {
        "name": {
            "en": f"Counter {number}",
            "kk": f"{number}-терезе",
            "ru": f"Окно {number}",
            "th": f"ช่องบริการ {number}",
        }
    }
    for number in ("1", "2")
}
SERVICES = {
    "passport": {
        **PASSPORT,
        "name": {"en": "Passport", "kk": "Төлқұжат", "ru": "Паспорт", "th": "หนังสือเดินทาง"},
        "walk_ins": True,
    },
    "visa": {"name": {"en": "Visa", "kk": "Виза", "ru": "Виза", "th": "วีซ่า"}, "minutes": 15},
}


def a_day(app: App, names: dict[str, tuple[int, int]], key: str = "phuket") -> dict[str, str]:
    """The references of those who have booked for the morning, by name: {"Aliya": (9, 0)}."""
    with app.db.write() as session:
        a_post(session, key, name=NAMES, counter=COUNTERS, service=SERVICES, address="12 Sample Road")
    made = Consulate(app.db, key)
    at = {name: MORNING.replace(hour=hour, minute=minute) for name, (hour, minute) in names.items()}
    return {
        name: made.book(name, when, email=f"guest{number}@example.org", telephone="+66 76 123456")
        for number, (name, when) in enumerate(at.items())
    }


def give(app: App, name: str, *keys: str) -> None:
    """These posts are the account's from now on."""
    with app.db.write() as session:
        account = accounts.get_for_update(session, name)
        assigned_posts.give(session, account, [posts.get(session, key) for key in keys], now=app.clock.now())
