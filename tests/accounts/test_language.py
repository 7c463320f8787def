"""Pages in the language of the browser, or the one a person chose."""

from __future__ import annotations

import asyncio
import re

import pytest
from asgiref.sync import ThreadSensitiveContext, sync_to_async
from django.conf import settings as django_settings
from django.db import connections
from django.http import HttpResponse
from django.test import Client, RequestFactory
from django.urls import path
from django.utils import translation
from django.utils.translation import gettext

from accounts import languages
from accounts.middleware import PersonMiddleware
from accounts.models import User
from dminbox import catalogues, urls
from tests.accounts.conftest import browser
from tests.async_client import AsyncClient

pytestmark = pytest.mark.services


def said(language: str, text: str) -> str:
    """As the catalogue has it: translators may find better words."""
    found = catalogues.read(catalogues.path_of(language, "django")).get(text)
    assert found, text
    assert found.string
    assert found.string != text
    return found.string


def heading(answer) -> str:
    return re.search(r"<h1>(.*?)</h1>", answer.content.decode(), re.S)[1].strip()


def html_tag(answer) -> str:
    return " ".join(re.search(r"<html[^>]*>", answer.content.decode())[0].split())


@pytest.mark.parametrize(
    ("asked", "language", "direction"),
    [
        ("de-AT,de;q=0.9,en;q=0.8", "de", "ltr"),
        ("ja", "ja", "ltr"),
        ("ar-EG", "ar", "rtl"),
        ("en-GB", "en", "ltr"),
        ("xx,fr;q=0.5", "en", "ltr"),
        ("", "en", "ltr"),
    ],
)
def test_the_sign_in_page_speaks_the_language_of_the_browser(db, asked, language, direction):
    answer = Client().get("/accounts/login/", headers={"accept-language": asked})
    assert html_tag(answer) == f'<html lang="{language}" dir="{direction}">'
    assert answer["Content-Language"] == language
    assert heading(answer) == ("Sign in" if language == "en" else said(language, "Sign in"))


def test_a_person_can_choose_a_language_and_go_back_to_the_browsers(ben):
    client = browser(ben)
    chosen = {"name": "Ben", "time_zone": "", "language": "de"}
    answer = client.post("/profile/", chosen, follow=True, headers={"accept-language": "ja"})
    assert html_tag(answer) == '<html lang="de" dir="ltr">'
    assert answer["Content-Language"] == "de"
    assert said("de", "Your profile was saved.") in answer.content.decode()
    ben.refresh_from_db()
    assert ben.language == "de"
    client.post("/profile/", chosen | {"language": ""})
    assert html_tag(client.get("/profile/", headers={"accept-language": "ja"})) == '<html lang="ja" dir="ltr">'


def test_a_language_nobody_speaks_here_is_refused(ben):
    assert browser(ben).post("/profile/", {"name": "Ben", "language": "tlh"}).status_code == 422
    ben.refresh_from_db()
    assert ben.language == ""


def test_each_language_is_offered_by_its_own_name(ben):
    html = browser(ben).get("/profile/").content.decode()
    for code, name in django_settings.LANGUAGES:
        assert re.search(rf'<option value="{code}" lang="{code}">{name}</option>', html)


def test_a_page_in_arabic_stands_from_right_to_left(ben):
    User.objects.filter(pk=ben.pk).update(language="ar")
    answer = browser(ben).get("/profile/")
    assert html_tag(answer) == '<html lang="ar" dir="rtl">'
    assert said("ar", "Profile") in answer.content.decode()


def test_the_choice_of_one_person_is_not_the_next_ones(ada, ben):
    User.objects.filter(pk=ada.pk).update(language="de")
    hers, his = browser(ada), browser(ben)
    assert html_tag(hers.get("/profile/")) == '<html lang="de" dir="ltr">'
    assert html_tag(his.get("/profile/")) == '<html lang="en" dir="ltr">'


@pytest.mark.parametrize("address", ["/nowhere/", "/accounts/login/", "/offline/empty/"])
def test_pages_for_everybody_say_that_they_differ_by_language_and_no_cache_keeps_them(db, address):
    answer = Client().get(address)
    assert "accept-language" in answer["Vary"].lower()
    assert "no-store" in answer["Cache-Control"]


def test_a_persons_page_stays_out_of_every_cache(ben):
    answer = browser(ben).get("/profile/", headers={"accept-language": "de"})
    assert {"accept-language", "cookie"} <= {part.strip() for part in answer["Vary"].lower().split(",")}
    assert "no-store" in answer["Cache-Control"]


@pytest.mark.parametrize("status", [404, 403, 500])
def test_pages_of_errors_speak_it_too(ben, status, settings):
    User.objects.filter(pk=ben.pk).update(language="de")
    settings.ROOT_URLCONF = __name__
    client = Client(enforce_csrf_checks=True, raise_request_exception=False)
    client.force_login(ben)
    answer = client.post("/breaks/") if status == 403 else client.get({404: "/nowhere/", 500: "/breaks/"}[status])
    titles = {403: "This form has expired", 404: "Page not found", 500: "Something went wrong on our side"}
    assert answer.status_code == status
    assert html_tag(answer) == '<html lang="de" dir="ltr">'
    assert heading(answer) == said("de", titles[status])


def breaks(request):
    raise RuntimeError("for a test")


async def says_language(request):
    before = translation.get_language()
    await asyncio.sleep(0)
    return HttpResponse(f"{before} {translation.get_language()} {gettext('Sign in')}")


urlpatterns = [*urls.urlpatterns, path("breaks/", breaks), path("says/", says_language)]


@pytest.mark.django_db(transaction=True)
def test_async_views_of_two_people_at_once_each_speak_their_own(ada, ben, settings):
    settings.ROOT_URLCONF, settings.PUBLIC_URL = __name__, "http://testserver"
    User.objects.filter(pk=ada.pk).update(language="de")
    cookies = [browser(person).cookies for person in (ada, ben)]

    async def asked_by(client):
        async with ThreadSensitiveContext():  # a thread of its own, as the server gives to each request
            try:
                return await client.get("/says/", headers={"accept-language": "ja"})
            finally:
                await sync_to_async(connections.close_all)()

    async def all_at_once():
        clients = [AsyncClient(), AsyncClient()]
        for client, cookie in zip(clients, cookies, strict=True):
            client.cookies = cookie
        return await asyncio.gather(*(asked_by(client) for client in clients * 5))

    answers = [answer.content.decode() for answer in asyncio.run(all_at_once())]
    assert answers == [f"de de {said('de', 'Sign in')}", f"ja ja {said('ja', 'Sign in')}"] * 5


def test_the_middleware_leaves_nothing_behind():
    request = RequestFactory().get("/")
    request.user = User(language="ar")
    with translation.override("en"):
        answer = PersonMiddleware(lambda _: HttpResponse(translation.get_language()))(request)
        assert translation.get_language() == "en"
    assert answer.content == b"ar"
    assert answer["Content-Language"] == request.LANGUAGE_CODE == "ar"


def test_a_language_that_is_gone_from_the_settings_is_the_browsers_again():
    with translation.override("ja"):
        assert languages.spoken_by(User(language="de")) == "de"
        assert languages.spoken_by(User(language="tlh")) == "ja"
