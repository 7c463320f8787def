"""The consent page: which app asks, as whom to sign in, what it may do, allow or deny."""

from collections.abc import Mapping
from html import escape
from pathlib import Path
from string import Template
from urllib.parse import urlencode, urlsplit

from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from dminbox.xsim.media import DEFAULT_PROFILE_IMAGE
from dminbox.xsim.oauth import Authorization, is_registered
from dminbox.xsim.settings import SCOPES, App
from dminbox.xsim.sim import Sim
from dminbox.xsim.world import Person

PAGES = Path(__file__).parent / "pages"
LAYOUT = Template((PAGES / "layout.html").read_text())
CONSENT = Template((PAGES / "consent.html").read_text())
MAX_STATE = 500


class BadAuthorizationError(Exception):
    """The client asked in a way that X answers with a page of its own, without going back to the client."""


def ask(sim: Sim, request: Request) -> Response:
    try:
        asked, app = read(sim, request.query_params)
    except BadAuthorizationError as error:
        return _refused(str(error))
    return _page(f"Authorize {app.name}", _consent(sim, asked, app))


def decide(sim: Sim, form: Mapping[str, str]) -> Response:
    """Goes back to the client: with a code for the chosen person, or with access_denied."""
    try:
        asked, _ = read(sim, form)
    except BadAuthorizationError as error:
        return _refused(str(error))
    if form.get("decision") != "allow":
        return _back(asked, error="access_denied")
    person = sim.world.people.get(form.get("user_id", ""))
    if person is None or person.is_suspended:
        return _refused("Choose whom to sign in as.")
    code = sim.grants.new_code(asked, person.id, sim.clock.now())
    sim.changed()
    return _back(asked, code=code)


def read(sim: Sim, params: Mapping[str, str]) -> tuple[Authorization, App]:
    app = sim.settings.app(params.get("client_id", ""))
    if app is None:
        raise BadAuthorizationError("client_id is not one of a registered app.")
    asked = Authorization(
        client_id=app.client_id,
        redirect_uri=params.get("redirect_uri", ""),
        scopes=params.get("scope", "").split(),
        state=params.get("state", ""),
        code_challenge=params.get("code_challenge", ""),
        code_challenge_method=params.get("code_challenge_method", "plain"),
    )
    _check(params, asked, app)
    return asked, app


def personas(sim: Sim) -> list[Person]:
    """Those marked as such; in a world without marks everybody who can sign in."""
    people = [person for person in sim.world.people.values() if not person.is_suspended]
    return [person for person in people if person.is_persona] or people


def _check(params: Mapping[str, str], asked: Authorization, app: App) -> None:
    unknown = [scope for scope in asked.scopes if scope not in SCOPES]
    faults = {
        "redirect_uri is not one that the app has registered.": not is_registered(app, asked.redirect_uri),
        "response_type must be code.": params.get("response_type") != "code",
        "scope is missing.": not asked.scopes,
        f"scope holds unknown values: {' '.join(unknown)}.": bool(unknown),
        f"state must have 1 to {MAX_STATE} characters.": not 1 <= len(asked.state) <= MAX_STATE,
        "code_challenge is missing.": not asked.code_challenge,
        "code_challenge_method must be S256 or plain.": asked.code_challenge_method not in ("S256", "plain"),
    }
    for sentence, is_so in faults.items():
        if is_so:
            raise BadAuthorizationError(sentence)


def _back(asked: Authorization, **said: str) -> Response:
    joint = "&" if urlsplit(asked.redirect_uri).query else "?"
    return RedirectResponse(f"{asked.redirect_uri}{joint}{urlencode({'state': asked.state, **said})}", 302)


def _refused(reason: str) -> Response:
    content = f"""<h1>Something went wrong</h1>
<p>You weren’t able to give access to the App. Go back and try logging in again.</p>
<p class="note">{escape(reason)}</p>"""
    return _page("Something went wrong", content, 400)


def _consent(sim: Sim, asked: Authorization, app: App) -> str:
    people = [_person(person, is_first=not number) for number, person in enumerate(personas(sim))]
    return CONSENT.substitute(
        app=escape(app.name),
        host=escape(urlsplit(asked.redirect_uri).netloc),
        hidden="\n".join(_hidden(name, value) for name, value in _kept(asked).items()),
        people="\n".join(people) or '<p class="note">This local X has no people yet.</p>',
        scopes="\n".join(f"<li>{escape(SCOPES[scope])} <small>{scope}</small></li>" for scope in asked.scopes),
    )


def _kept(asked: Authorization) -> dict[str, str]:
    return {
        "response_type": "code",
        "client_id": asked.client_id,
        "redirect_uri": asked.redirect_uri,
        "scope": " ".join(asked.scopes),
        "state": asked.state,
        "code_challenge": asked.code_challenge,
        "code_challenge_method": asked.code_challenge_method,
    }


def _hidden(name: str, value: str) -> str:
    return f'<input type="hidden" name="{name}" value="{escape(value)}">'


def _person(person: Person, *, is_first: bool) -> str:
    image = person.fields.get("profile_image_url") or DEFAULT_PROFILE_IMAGE
    checked = " checked" if is_first else ""
    return f"""<label class="person">
<input type="radio" name="user_id" value="{escape(person.id)}" required{checked}>
<img src="{escape(image)}" alt="" width="40" height="40">
<span>{escape(person.name)}<small>@{escape(person.username)}</small></span>
</label>"""


def _page(title: str, content: str, status: int = 200) -> Response:
    headers = {"cache-control": "no-store", "referrer-policy": "no-referrer", "x-frame-options": "DENY"}
    return HTMLResponse(LAYOUT.substitute(title=escape(title), content=content), status, headers)
