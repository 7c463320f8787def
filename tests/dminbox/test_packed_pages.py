"""Pages go packed over the line, but to nobody who could learn from their lengths."""

from __future__ import annotations

import gzip

import pytest
from django.http import HttpResponse, StreamingHttpResponse
from django.test import RequestFactory

from dminbox.middleware import pack

PAGE = "<p>Is the lamp in stock?</p>" * 100


def packed(response: HttpResponse | StreamingHttpResponse, **headers: str):
    sent = {"accept_encoding": "gzip, deflate, br"} | headers
    request = RequestFactory().get("/", headers={name.replace("_", "-"): value for name, value in sent.items()})
    pack(request, response)
    return response


@pytest.mark.parametrize("asked_by", ["same-origin", "none"])
def test_a_page_that_our_own_pages_or_the_person_alone_asked_for_is_packed(asked_by):
    answer = packed(HttpResponse(PAGE), sec_fetch_site=asked_by)
    assert answer["Content-Encoding"] == "gzip"
    assert gzip.decompress(answer.content).decode() == PAGE
    assert len(answer.content) < 300


@pytest.mark.parametrize("headers", [{"sec_fetch_site": "cross-site"}, {"sec_fetch_site": "same-site"}, {}])
def test_a_page_that_a_strangers_page_may_have_asked_for_is_not(headers):
    assert "Content-Encoding" not in packed(HttpResponse(PAGE), **headers)


def test_pictures_and_streams_go_as_they_are():
    for answer in (HttpResponse(b"x" * 1000, content_type="image/webp"), StreamingHttpResponse([PAGE])):
        assert "Content-Encoding" not in packed(answer, sec_fetch_site="same-origin")


def test_who_cannot_unpack_gets_a_page_as_it_is():
    answer = packed(HttpResponse(PAGE), sec_fetch_site="none", accept_encoding="br")
    assert answer.content.decode() == PAGE


@pytest.mark.django_db
def test_every_page_passes_by_it(client):
    answer = client.get("/accounts/login/", headers={"accept-encoding": "gzip", "sec-fetch-site": "none"})
    assert b"<!DOCTYPE html>" in gzip.decompress(answer.content)
