"""/2/webhooks: registration with its challenge, checking again, ending, and the replay of what was missed."""

import json
import re
import secrets
from datetime import UTC, datetime, timedelta
from functools import partial
from urllib.parse import urlsplit

from dminbox.xsim import problems
from dminbox.xsim.answers import Json, x_time
from dminbox.xsim.calls import Call, Reply
from dminbox.xsim.push import posting
from dminbox.xsim.push.feed import Webhook
from dminbox.xsim.sim import Sim

MAX_URL = 200
HOUR = timedelta(hours=1)
GRACE = timedelta(hours=28)
"""So long may a webhook be in trouble before it is taken for dead."""
MINUTE = re.compile(r"^[0-9]{12}$")


def webhooks(call: Call) -> Reply:
    found = [webhook_json(one) for one in call.sim.feed.webhooks.values()]
    return Reply({**({"data": found} if found else {}), "meta": {"result_count": len(found)}})


async def create(call: Call) -> Reply:
    sim, url = call.sim, _url(call)
    if any(one.url == url for one in sim.feed.webhooks.values()):
        raise problems.invalid_body(f"DuplicateUrlFailed: there is a webhook for [{url}] already")
    if len(sim.feed.webhooks) >= sim.settings.webhook_cap:
        raise problems.invalid_body(f"WebhookLimitExceeded: this app may have [{sim.settings.webhook_cap}] webhooks")
    if reason := await _challenge(sim, url):
        raise problems.invalid_body(f"CrcValidationFailed: {reason}")
    now = sim.clock.now()
    made = Webhook(sim.free_id(now), url, now, now)
    sim.feed.webhooks[made.id] = made
    plan_check(sim, made)
    return Reply(_worded(call, webhook_json(made)))


async def check(call: Call) -> Reply:
    found = _found(call)
    await _check(call.sim, found)
    if not found.is_valid:
        raise problems.invalid_body("CrcValidationFailed: Invalid response_token")
    return Reply({"data": {"attempted": True} if _is_older(call) else {"valid": True}})


def delete(call: Call) -> Reply:
    """Subscriptions that went to it go to the stream alone from now on."""
    found = _found(call)
    del call.sim.feed.webhooks[found.id]
    for one in call.sim.feed.subscriptions.values():
        one.webhook_id = None if one.webhook_id == found.id else one.webhook_id
    return Reply({"data": {"deleted": True}})


def replay(call: Call) -> Reply:
    """Everything of these minutes once more, whether it was answered or not."""
    body, sim = call.json(), call.sim
    since, until = _minute(body, "from_date"), _minute(body, "to_date") + timedelta(minutes=1)
    webhook = sim.feed.webhooks.get(str(body.get("webhook_id")))
    if webhook is None:
        raise problems.invalid_body(f"WebhookIdInvalid: there is no webhook [{body.get('webhook_id')}] of this app")
    for push in list(sim.feed.pushed):
        if push.webhook_id == webhook.id and push.pushed_at and since <= push.at < until:
            posting.start(sim, webhook, push)
    now = sim.clock.now()
    return Reply(_worded(call, {"created_at": x_time(now), "job_id": sim.free_id(now)}))


def plan_check(sim: Sim, webhook: Webhook) -> None:
    """Hourly, by the clock of the local X."""
    sim.plan(sim.clock.now() + HOUR, partial(_check_again, sim, webhook))


def webhook_json(one: Webhook) -> Json:
    return {"created_at": x_time(one.created_at), "id": one.id, "url": one.url, "valid": one.is_valid}


def _check_again(sim: Sim, webhook: Webhook) -> None:
    if sim.feed.webhooks.get(webhook.id) is webhook:
        posting.in_background(sim, _check(sim, webhook))
        plan_check(sim, webhook)


async def _check(sim: Sim, webhook: Webhook) -> None:
    """A wrong answer makes it invalid at once, none at all only after more than a day of them."""
    reason = await _challenge(sim, webhook.url)
    now = sim.clock.now()
    if not reason:
        webhook.is_valid, webhook.checked_at = True, now
    elif not reason.startswith("No answer") or now - webhook.checked_at > GRACE:
        webhook.is_valid = False
    sim.changed()


async def _challenge(sim: Sim, url: str) -> str:
    """What is wrong with the answer; nothing when it is right."""
    token = secrets.token_urlsafe(24)
    answer = await posting.get(url, f"crc_token={token}")
    if answer.status is None or answer.status >= 400:
        return f"No answer to the challenge (status [{answer.status}])"
    if answer.status != 200:
        return f"Invalid status [{answer.status}]"
    try:
        said = json.loads(answer.body)["response_token"]
    except (ValueError, KeyError, TypeError):
        said = None
    return "" if said == posting.signature(sim.settings.consumer_secret, token.encode()) else "Invalid response_token"


def _worded(call: Call, said: Json) -> Json:
    """The older file answers with the thing itself, the newer one as everywhere else."""
    return said if _is_older(call) else {"data": said}


def _is_older(call: Call) -> bool:
    return call.sim.settings.webhook_answer == "older"


def _url(call: Call) -> str:
    url = call.json().get("url")
    if not isinstance(url, str) or not 1 <= len(url) <= MAX_URL:
        raise problems.invalid_body(f"$.url: must be between 1 and {MAX_URL} characters long")
    parts = urlsplit(url)
    has_scheme = parts.scheme == "https" or (parts.scheme == "http" and not call.sim.settings.webhook_urls_checked)
    has_port = call.sim.settings.webhook_urls_checked and ":" in parts.netloc
    if not has_scheme or not parts.hostname or has_port:
        raise problems.invalid_body(f"UrlValidationFailed: [{url}] is not an https URL without a port")
    return url


def _found(call: Call) -> Webhook:
    found = call.sim.feed.webhooks.get(call.path["webhook_id"])
    if found is None:
        raise problems.invalid_body(f"WebhookIdInvalid: there is no webhook [{call.path['webhook_id']}] of this app")
    return found


def _minute(body: Json, name: str) -> datetime:
    text = str(body.get(name, ""))
    try:
        if MINUTE.match(text):
            return datetime.strptime(text, "%Y%m%d%H%M").replace(tzinfo=UTC)
    except ValueError:
        pass
    raise problems.invalid_body(f"$.{name}: does not match the regex pattern ^[0-9]{{12}}$")
