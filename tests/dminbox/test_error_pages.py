"""What is refused before any page of ours is asked still looks and reads like one."""

from __future__ import annotations


def test_a_request_nobody_understands_is_answered_in_words(client, db):
    answer = client.post("/accounts/login/", {f"field{number}": "x" for number in range(1_001)})
    assert answer.status_code == 400
    assert "We could not understand this request" in answer.content.decode()


def test_what_nobody_may_do_is_answered_in_words(as_ada):
    answer = as_ada.get("/admin/accounts/user/add/")
    assert answer.status_code == 403
    assert "You cannot do this" in answer.content.decode()
