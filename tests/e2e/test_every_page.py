"""Each page as people may meet it: light, dark, in more contrast; on a phone, a desk, a wall; zoomed. And pictures."""

from __future__ import annotations

import pytest

from accounts.models import User
from tests import factories
from tests.e2e import places
from tests.e2e.looking import faults

pytestmark = pytest.mark.browser


def looked_at(seen, pages, names) -> list[str]:
    return [fault for name, page in places.walk(seen, pages, names) for fault in faults(page, name)]


@pytest.mark.parametrize("group", places.OF_ADA)
def test_what_a_member_meets_is_open_to_everybody(visit, ada, names, group):
    assert looked_at(visit(ada), places.OF_ADA[group], names) == []


def test_what_a_newcomer_meets_is_open_to_everybody(visit, cleo, names):
    owner = factories.UserFactory(is_owner=True, time_zone="Europe/Oslo")
    assert looked_at(visit(cleo), places.OF_CLEO, names) == []
    assert looked_at(visit(owner), places.OF_A_NEW_OWNER, names) == []


def test_what_stands_before_the_sign_in_is_open_to_everybody(visit, cleo, names):
    seen = visit(cleo)
    seen.context.clear_cookies()
    assert looked_at(seen, places.SIGNED_OUT, names) == []
    User.objects.update(is_owner=False)
    assert looked_at(seen, places.BEFORE_THERE_IS_AN_OWNER, places.nobody_owns_it()) == []
