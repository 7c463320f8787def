"""/2/activity/subscriptions: making, listing, changing and ending them, in each form of answer that was seen."""

from typing import Any

from dminbox.xsim import ids, problems
from dminbox.xsim.answers import Json, x_time
from dminbox.xsim.calls import Call, Reply
from dminbox.xsim.paging import next_token
from dminbox.xsim.push.feed import Subscription
from dminbox.xsim.vocabulary import TWEET, words

PRIVATE_TYPES = words(
    "dm.received dm.sent dm.read dm.indicate_typing chat.received chat.sent chat.conversation.join"
    " chat.conversation_join mute.mute mute.unmute block.block block.unblock"
)
"""Only the user himself may have these told: the call carries his own token."""
PUBLIC_TYPES = words(
    "profile.update.bio profile.update.profile_picture profile.update.banner_picture profile.update.screenname"
    " profile.update.geo profile.update.url profile.update.verified_badge profile.update.affiliate_badge"
    " profile.update.handle news.new follow.follow follow.unfollow spaces.start spaces.end post.create post.delete"
    " post.mention.create like.create"
)
APP_WIDE = "oauth.revoke"
MAX_RESULTS, MAX_IDS, MAX_TAG = 1000, 100, 200


def subscribe(call: Call) -> Reply:
    body = call.json()
    _refuse_others(body, {"event_type", "filter", "tag", "webhook_id"})
    event_type, user_id = _event_type(body), _user_id(body)
    _check_right(call, event_type, user_id)
    tag, webhook_id = _tag(body), _webhook_id(call, body)
    feed = call.sim.feed
    if (event_type, user_id) in feed.by_subject:
        raise problems.invalid_body("Duplicate subscription: this event_type and filter are subscribed to already.")
    if len(feed.subscriptions) >= call.sim.settings.subscription_cap:
        raise problems.subscription_limit(call.sim.settings.subscription_cap)
    now = call.sim.clock.now()
    made = Subscription(call.sim.free_id(now), event_type, user_id, now, now, tag, webhook_id)
    feed.add(made)
    return _said(call, made)


def subscriptions(call: Call) -> Reply:
    size, cursor = call.number("max_results", MAX_RESULTS, 1, MAX_RESULTS), call.cursor()
    after = cursor.event_id if cursor else -1
    following = sorted((int(one), one) for one in call.sim.feed.subscriptions if int(one) > after)
    page = [call.sim.feed.subscriptions[one] for _, one in following[:size]]
    meta: Json = {"result_count": len(page)}
    if len(following) > size:
        meta["next_token"] = next_token(page[-1].subscription_id)
    if not page:
        return Reply({"meta": meta})
    body: Json = {"data": [subscription_json(one) for one in page]}
    # The newer file names no meta here; but without a token nobody could go on.
    return Reply({**body, "meta": meta} if _is_older(call) or "next_token" in meta else body)


def update(call: Call) -> Reply:
    body = call.json()
    _refuse_others(body, {"tag", "webhook_id"})
    found = _found(call)
    found.tag = _tag(body) if "tag" in body else found.tag
    found.webhook_id = _webhook_id(call, body) if "webhook_id" in body else found.webhook_id
    found.updated_at = call.sim.clock.now()
    count = len(call.sim.feed.subscriptions)
    if call.sim.settings.subscription_answer == "nested":
        return Reply({"data": {"subscription": subscription_json(found), "total_subscriptions": count}})
    return Reply({"data": subscription_json(found), "meta": {"total_subscriptions": count}})


def delete(call: Call) -> Reply:
    call.sim.feed.remove(_found(call).subscription_id)
    return Reply({"data": {"deleted": True}, **_total(call)})


def delete_many(call: Call) -> Reply:
    """The older file answers with one word for all, the newer one with a word for each."""
    asked = _asked_ids(call)
    gone = [one for one in asked if call.sim.feed.remove(one)]
    meta = {"meta": {"total_subscriptions": len(call.sim.feed.subscriptions)}}
    if _is_older(call):
        return Reply({"data": {"deleted": bool(gone)}, **meta})
    missing = [
        {"subscription_id": one, "reason": "not_found", "message": f"Could not find subscription [{one}]."}
        for one in asked
        if one not in gone
    ]
    said = {"data": [{"subscription_id": one, "deleted": True} for one in gone], "errors": missing}
    return Reply({**{name: value for name, value in said.items() if value}, **meta})


def subscription_json(one: Subscription) -> Json:
    said = {
        "created_at": x_time(one.created_at),
        "event_type": one.event_type,
        "filter": {"user_id": one.user_id} if one.user_id else {},
        "subscription_id": one.subscription_id,
        "tag": one.tag,
        "updated_at": x_time(one.updated_at),
        "webhook_id": one.webhook_id,
    }
    return {name: value for name, value in said.items() if value is not None}


def _said(call: Call, made: Subscription) -> Reply:
    """Nested as both files have it; flat and as a list of one as the documentation has it; and nothing at all."""
    form, said = call.sim.settings.subscription_answer, subscription_json(made)
    if form == "empty":
        return Reply(b"", status=204)
    if form == "flat":
        return Reply({"data": said})
    if form == "list":
        return Reply({"data": [said], "meta": {"total_subscriptions": len(call.sim.feed.subscriptions)}})
    return Reply({"data": {"subscription": said}, **_total(call)})


def _total(call: Call) -> Json:
    return {"meta": {"total_subscriptions": len(call.sim.feed.subscriptions)}} if _is_older(call) else {}


def _is_older(call: Call) -> bool:
    return call.ask.vocabulary is TWEET


def _event_type(body: Json) -> str:
    known = PRIVATE_TYPES | PUBLIC_TYPES | {APP_WIDE}
    event_type = body.get("event_type")
    if event_type is None:
        raise problems.invalid_body("$.event_type: is missing but it is required")
    if event_type not in known:
        said = ", ".join(sorted(known))
        raise problems.invalid_body(f"$.event_type: does not have a value in the enumeration [{said}]")
    return str(event_type)


def _user_id(body: Json) -> str | None:
    """None: the one event type that goes without a filter."""
    if body.get("event_type") == APP_WIDE and not body.get("filter"):
        return None
    if not isinstance(body.get("filter"), dict):
        raise problems.invalid_body("$.filter: is missing but it is required")
    _refuse_others(body["filter"], {"user_id", "keyword", "direction"}, "$.filter")
    user_id = body["filter"].get("user_id")
    if not isinstance(user_id, str) or not ids.USER.match(user_id):
        raise problems.invalid_body("$.filter.user_id: does not match the regex pattern ^[0-9]{1,19}$")
    return user_id


def _check_right(call: Call, event_type: str, user_id: str | None) -> None:
    if event_type not in PRIVATE_TYPES:
        return
    if not call.user_id:
        raise problems.unsupported_authentication()
    if call.user_id != user_id or "dm.read" not in call.scopes:
        raise problems.forbidden()


def _tag(body: Json) -> str | None:
    tag = body.get("tag")
    if tag is not None and not (isinstance(tag, str) and 1 <= len(tag) <= MAX_TAG):
        raise problems.invalid_body(f"$.tag: must be between 1 and {MAX_TAG} characters long")
    return tag


def _webhook_id(call: Call, body: Json) -> str | None:
    webhook_id = body.get("webhook_id")
    if webhook_id is not None and webhook_id not in call.sim.feed.webhooks:
        raise problems.invalid_body(f"WebhookIdInvalid: there is no webhook [{webhook_id}] of this app")
    return webhook_id


def _found(call: Call) -> Subscription:
    found = call.sim.feed.subscriptions.get(call.path["subscription_id"])
    if found is None:
        raise problems.not_found()
    return found


def _asked_ids(call: Call) -> list[str]:
    text = call.query.get("ids", "")
    asked = list(dict.fromkeys(text.split(","))) if text else []
    if not 1 <= len(asked) <= MAX_IDS or not all(ids.USER.match(one) for one in asked):
        message = f"The `ids` query parameter value [{text}] is not a list of 1 to {MAX_IDS} subscription ids"
        raise problems.invalid("ids", text, message, call.ask.vocabulary)
    return asked


def _refuse_others(body: dict[str, Any], known: set[str], where: str = "$") -> None:
    for name in sorted(body.keys() - known):
        raise problems.invalid_body(
            f"{where}.{name}: is not defined in the schema and the schema does not allow additional"
        )
