"""What a phone has little room for: whom one reads, and on which day."""

from __future__ import annotations

import pytest

from conversations.models import XUser
from tests.e2e.conftest import PHONE

pytestmark = pytest.mark.browser
SMALL_PHONE = PHONE | {"viewport": {"width": 320, "height": 640}}
LONGEST = "abcdefghijklmno"
IS_IN_SIGHT = """each => {
  const { left, right } = each.getBoundingClientRect();
  return left >= 0 && right <= window.innerWidth;
}"""
CUT = """all => all.filter((each) => each.scrollWidth > each.clientWidth || each.scrollHeight > each.clientHeight + 1)
  .map((each) => each.textContent)"""


@pytest.mark.parametrize("options", [PHONE, SMALL_PHONE], ids=["phone", "small"])
def test_a_thread_says_in_full_whom_it_is_with_and_to_whom(visit, ada, filled, options):
    XUser.objects.filter(pk=filled.long.peer_id).update(name="Cleo Nyström-Vanderbilt of Uppsala", username=LONGEST)
    filled.support.username = LONGEST[::-1]
    filled.support.save()
    seen = visit(ada, **options)
    for conversation in (filled.long, filled.everything):
        page = seen.open(f"/c/{conversation.pk}/")
        assert page.locator(".thread-name :is(h1, p)").evaluate_all(CUT) == []
        parts = page.locator(".thread-name :is(h1, p), .thread-tools a").all()
        assert all(each.evaluate(IS_IN_SIGHT) for each in parts)


def test_the_day_one_reads_in_covers_no_part_of_a_line_and_leaves_the_rest(visit, ada, filled):
    """It stands over all of the line, as the edge of what is read does."""
    page = visit(ada, **PHONE).open(f"/c/{filled.group.pk}/")
    page.locator("#scroller").evaluate("box => (box.scrollTop = -150)")
    day = page.locator(".day").first.evaluate("each => each.getBoundingClientRect().toJSON()")
    box = page.locator("#scroller").evaluate("each => each.getBoundingClientRect().toJSON()")
    assert (day["left"], day["right"], day["top"]) == (box["left"], box["right"], box["top"])
