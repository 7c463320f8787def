"""No template is left out where every page is looked at: those pages are asked for here without a browser."""

from __future__ import annotations

from pathlib import Path

import pytest
from django.conf import settings
from django.test import Client

from accounts.models import User
from tests import factories
from tests.e2e import places

FETCHED = {"palette": "/palette/?q=ada"}
"""What scripts of those pages fetch, and `test_every_state.py` opens."""
LEFT_OUT = {
    "conversations/_newer.html": "it comes into a thread that is open, of the partials of its page",
    "conversations/_older.html": "it comes into a thread that is open, of the partials of its page",
    "admin/": "of Django's admin, for owners alone; its looks are Django's",
    "styleguide/": "for developers; test_styleguide.py looks at it",
}
"""Templates, or folders of them, and why no page of `places` shows them."""


def shown_to(person: User | None, pages: dict[str, str], names: dict[str, object]) -> set[str]:
    client, found = Client(), set()
    if person:
        client.force_login(person)
    for name, path in pages.items():
        answer = client.get(path.format(**names))
        assert answer.status_code == places.STATUSES.get(name, 200), name
        found |= {template.name for template in answer.templates}
    return found


@pytest.fixture
def shown(ada, cleo):
    names = places.world(ada, cleo)
    found = {f"{name}.html" for name in places.BROKEN}
    for pages in places.OF_ADA.values():
        found |= shown_to(ada, pages, names)
    found |= shown_to(ada, FETCHED, names)
    found |= shown_to(cleo, places.OF_CLEO, names)
    found |= shown_to(factories.UserFactory(is_owner=True), places.OF_A_NEW_OWNER, names)
    found |= shown_to(None, places.SIGNED_OUT, names)
    User.objects.update(is_owner=False)
    return found | shown_to(None, places.BEFORE_THERE_IS_AN_OWNER, places.nobody_owns_it())


def test_every_template_is_on_a_page_that_is_looked_at(shown):
    folder = Path(settings.BASE_DIR) / "templates"
    ours = {path.relative_to(folder).as_posix() for path in folder.rglob("*.html")}
    unseen = ours - shown
    assert {name for name in unseen if not name.startswith(tuple(LEFT_OUT))} == set()
    assert {left_out for left_out in LEFT_OUT if not any(name.startswith(left_out) for name in unseen)} == set()
