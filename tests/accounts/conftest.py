"""People at their browsers, and X accounts whose tokens the local X really gave."""

from __future__ import annotations

import re
from datetime import timedelta
from urllib.parse import parse_qs, urlsplit

import pytest
from django.conf import settings as django_settings
from django.core.cache import cache
from django.test import Client
from django.utils import timezone

from accounts.models import XAccount
from tests import factories
from tests.xsim_server import SimServer

BRAND = "1500000000000000101"
STUDIO = "1500000000000000102"
MIRA = "1500000000000000103"
PASSWORD = "a lamp for every corner"


def browser(user=None) -> Client:
    client = Client(headers={"host": django_settings.PUBLIC_URL.removeprefix("http://")})
    if user:
        client.force_login(user)
    return client


@pytest.fixture(autouse=True)
def _no_throttling_left_over():
    cache.clear()


@pytest.fixture
def anonymous(db) -> Client:
    return browser()


@pytest.fixture
def brand(xsim: SimServer) -> dict[str, str]:
    """The people of the local X; the brand account among them."""
    people = [
        {"id": BRAND, "username": "NordlichtHelp", "name": "Nordlicht Lamps Support"},
        {"id": STUDIO, "username": "NordlichtStudio", "name": "Nordlicht Studio"},
        {"id": MIRA, "username": "mira_nordlicht", "name": "Mira"},
    ]
    xsim.post("people", people)
    return people[0]


@pytest.fixture
def connected(db, xsim: SimServer, brand) -> XAccount:
    """@NordlichtHelp with a pair of tokens that the local X takes."""
    return store_grant(xsim, factories.XAccountFactory(x_user_id=BRAND, username="NordlichtHelp", token_generation=1))


def store_grant(xsim: SimServer, x_account: XAccount) -> XAccount:
    answer = xsim.grant(str(x_account.x_user_id))
    x_account.access_token, x_account.refresh_token = answer["access_token"], answer["refresh_token"]
    x_account.token_expires_at = timezone.now() + timedelta(seconds=answer["expires_in"])
    x_account.save()
    xsim.delete("requests")
    return x_account


def calls(xsim: SimServer, path: str) -> list[int]:
    """The statuses of all calls of a path."""
    return [call["status"] for call in xsim.get("requests") if call["path"] == path]


def consent(xsim: SimServer, authorize_url: str, user_id: str, *, decision="allow", scopes=None) -> str:
    """What a person does on the consent page; the path and query of our callback that X sends the browser to."""
    parts = urlsplit(authorize_url)
    assert f"{parts.scheme}://{parts.netloc}" == xsim.url
    form = {name: values[0] for name, values in parse_qs(parts.query).items()}
    if scopes is not None:
        form["scope"] = " ".join(scopes)
    answer = xsim.api(None, parts.path, "POST", data={**form, "user_id": user_id, "decision": decision})
    back = urlsplit(answer.headers["location"])
    assert f"{back.scheme}://{back.netloc}" == django_settings.PUBLIC_URL
    return f"{back.path}?{back.query}"


def failure(response) -> str:
    """The key of the failure page that was shown."""
    found = re.search(r'data-failure="([a-z_]+)"', response.content.decode())
    assert found, response.content.decode()
    return found[1]
