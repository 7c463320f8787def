"""Drives an inbox and its local X as a person would, by forms and links alone. Python's own library, nothing else.

    drive.py first LINK EXPECTED     set up the owner by the link, connect the support account, read 30 days
    drive.py again FILE EXPECTED     sign in and look

FILE: the path of a picture. EXPECTED: ids of events, comma separated, that must appear in the threads. Prints one line
of JSON: {"conversations": how many, "ids": the ids of all events on the threads' pages, "file": {"path", "sha256"} of
one picture in them}.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
from html import unescape
from html.parser import HTMLParser
from http.cookiejar import CookieJar

INBOX = os.environ.get("INBOX_URL", "http://127.0.0.1:8000")
PERSONA = "NordlichtHelp"
EMAIL, PASSWORD = "ada@nordlicht.example", "a lamp in every window"
WAIT_SECONDS = 120


class Forms(HTMLParser):
    """The forms of a page: their action, fields with preset values, choices and buttons; and the labels' words."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.forms: list[dict] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list) -> None:
        at = dict(attrs)
        if tag == "form":
            self.forms.append({"action": at.get("action") or "", "fields": {}, "choices": []})
        if not self.forms or not at.get("name"):
            return
        form = self.forms[-1]
        if at.get("type") in ("radio", "checkbox"):
            form["choices"].append((at["name"], at.get("value", "on")))
            if "checked" in at:
                form["fields"][at["name"]] = at.get("value", "on")
        elif tag == "input":
            form["fields"][at["name"]] = at.get("value") or ""


class Browser:
    def __init__(self) -> None:
        self.opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(CookieJar()))
        self.address = INBOX

    def open(self, address: str, data: dict | None = None) -> str:
        address = urllib.parse.urljoin(self.address, address)
        body = urllib.parse.urlencode(data).encode() if data is not None else None
        request = urllib.request.Request(address, body, {"Referer": self.address, "Origin": origin(self.address)})
        try:
            with self.opener.open(request, timeout=30) as response:
                self.address = response.url
                return response.read().decode()
        except urllib.error.HTTPError as error:
            raise SystemExit(f"{error.code} at {address}:\n{error.read().decode()[:3000]}") from None

    def submit(self, html: str, action: str, **values: str) -> str:
        """Fills the form whose action ends so, and sends it."""
        for form in Forms(html).forms:
            target = urllib.parse.urljoin(self.address, form["action"])
            if urllib.parse.urlsplit(target).path.endswith(action):
                return self.open(target, form["fields"] | values)
        raise SystemExit(f"no form for {action!r} at {self.address}:\n{html[:3000]}")


def origin(address: str) -> str:
    parts = urllib.parse.urlsplit(address)
    return f"{parts.scheme}://{parts.netloc}"


def first(browser: Browser, link: str) -> None:
    page = browser.open(link)
    browser.submit(
        page, urllib.parse.urlsplit(link).path, name="Ada", email=EMAIL, password=PASSWORD, password_again=PASSWORD
    )
    consent = browser.submit(browser.open(INBOX + "/"), "/x-accounts/connect/")
    start = browser.submit(consent, "/i/oauth2/authorize", user_id=persona(consent), decision="allow")
    browser.submit(start, "/start/", days="30")


def persona(consent: str) -> str:
    """The user id that stands in the same label as the handle."""
    for label in re.findall(r"<label.*?</label>", consent, re.S):
        if f"@{PERSONA}" in label and (found := re.search(r'value="(\d+)"', label)):
            return found[1]
    raise SystemExit(f"@{PERSONA} is not on the consent page:\n{consent[:3000]}")


def again(browser: Browser) -> None:
    page = browser.open("/accounts/login/")
    browser.submit(page, "/accounts/login/", login=EMAIL, password=PASSWORD)


def picture(browser: Browser, path: str) -> dict:
    with browser.opener.open(INBOX + path, timeout=30) as response:
        return {"path": path, "sha256": hashlib.sha256(response.read()).hexdigest()}


def look(browser: Browser) -> dict:
    """Every thread of the inbox, page by page."""
    threads: set[str] = set()
    address = INBOX + "/"
    while address:
        page = browser.open(address)
        threads |= set(re.findall(r'href="/c/(\d+)/', page))
        older = re.search(r'href="([^"]*\?[^"]*after=[^"]+)"', page)
        address = urllib.parse.urljoin(address, unescape(older[1])) if older else ""
    ids: set[str] = set()
    pictures: set[str] = set()
    for pk in threads:
        page = browser.open(f"{INBOX}/c/{pk}/")
        ids |= set(re.findall(rf"/c/{pk}/e/(\d+)/", page))
        pictures |= set(re.findall(rf'<img[^>]*src="(/c/{pk}/files/\d+/)"', page))
    return {"conversations": len(threads), "ids": sorted(ids), "pictures": sorted(pictures)}


def main() -> None:
    deed, *words = sys.argv[1:]
    browser = Browser()
    if deed == "first":
        first(browser, words[0])
    else:
        again(browser)
    expected = set(words[-1].split(","))
    deadline = time.monotonic() + WAIT_SECONDS
    while not (expected <= set((seen := look(browser))["ids"]) and seen["pictures"]):
        if time.monotonic() > deadline:
            missing = sorted(expected - set(seen["ids"]))
            raise SystemExit(f"after {WAIT_SECONDS} s these events are still missing: {missing}")
        time.sleep(1)
    path = words[0] if deed == "again" else seen["pictures"][0]
    print(json.dumps(seen | {"file": picture(browser, path)}))


if __name__ == "__main__":
    main()
