"""Every request: one address, one log line without secrets, no caching."""

from __future__ import annotations

import json
import logging

import pytest

from dminbox import logs


@pytest.fixture
def log_lines(caplog):
    caplog.set_level(logging.INFO)
    formatter = logs.formatter()
    return lambda: [json.loads(formatter.format(record)) for record in caplog.records]


@pytest.mark.django_db
def test_a_foreign_host_is_refused(client):
    response = client.get("/accounts/login/", headers={"host": "evil.example"})
    assert response.status_code == 400
    assert b"evil" not in response.content


@pytest.mark.django_db
def test_localhost_is_sent_to_the_public_address(client):
    response = client.get("/accounts/login/?next=/c/1/", headers={"host": "localhost:8000"})
    assert response.status_code == 302
    assert response["Location"] == "http://127.0.0.1:8000/accounts/login/?next=/c/1/"


@pytest.mark.django_db
def test_health_answers_under_any_loopback_name(client):
    assert client.get("/healthz", headers={"host": "localhost"}).content == b"ok"


@pytest.mark.django_db
def test_addresses_come_from_the_public_url_behind_a_proxy(client, settings):
    settings.PUBLIC_URL, settings.ALLOWED_HOSTS = "https://inbox.nordlicht.example", ["inbox.nordlicht.example"]
    response = client.get("/accounts/login/", headers={"host": "127.0.0.1:8000"})
    assert response.wsgi_request.build_absolute_uri("/x/") == "https://inbox.nordlicht.example/x/"
    assert response.wsgi_request.is_secure()


@pytest.mark.django_db
def test_over_https_a_browser_is_told_to_stay_there(client, settings):
    settings.PUBLIC_URL, settings.ALLOWED_HOSTS = "https://inbox.nordlicht.example", ["inbox.nordlicht.example"]
    settings.SECURE_HSTS_SECONDS = 31536000
    settings.CSRF_COOKIE_NAME, settings.CSRF_COOKIE_SECURE = "__Host-csrftoken", True
    response = client.get("/accounts/login/")
    assert response["Strict-Transport-Security"] == "max-age=31536000"
    cookie = response.cookies["__Host-csrftoken"]
    assert (cookie["path"], cookie["domain"], cookie["secure"]) == ("/", "", True)  # else browsers refuse the name


@pytest.mark.django_db
def test_no_client_can_pretend_https(client):
    response = client.get("/accounts/login/", headers={"x-forwarded-proto": "https", "dminbox.scheme": "https"})
    assert not response.wsgi_request.is_secure()


@pytest.mark.django_db
def test_pages_are_never_stored_by_caches(client, ada):
    client.force_login(ada)
    assert "no-store" in client.get("/profile/")["Cache-Control"]


@pytest.mark.django_db
def test_the_log_of_a_request_holds_route_and_person_but_no_path_and_no_query(client, ada, log_lines):
    client.force_login(ada)
    client.get("/profile/?code=secret-code")
    client.get("/setup/secret-token/")
    lines = [line for line in log_lines() if line.get("event") == "request"]
    assert {(line["route"], line["user_id"]) for line in lines} == {("profile", str(ada.pk)), ("setup", str(ada.pk))}
    assert "secret" not in json.dumps(lines)


def test_an_exception_is_logged_by_type_and_place_without_its_words():
    try:
        raise ValueError("the text of a private message")  # noqa: TRY301
    except ValueError:
        record = logging.LogRecord("x", logging.ERROR, "f.py", 1, "task failed", (), __import__("sys").exc_info())
    line = logs.formatter().format(record)
    assert "ValueError" in line
    assert "private message" not in line


def test_messages_of_other_libraries_are_logged_without_their_arguments():
    record = logging.LogRecord("django.request", logging.ERROR, "f.py", 1, "Not Found: %s", ("/setup/secret/",), None)
    line = logs.formatter().format(record)
    assert "Not Found" in line
    assert "secret" not in line
