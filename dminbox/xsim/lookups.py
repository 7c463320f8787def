"""Users and posts by id: what is missing, suspended, protected or deleted is a partial error beside the data."""

import re

from dminbox.xsim import ids, problems
from dminbox.xsim.answers import Includes, Json, post_json, post_problem, user_json, without_empty
from dminbox.xsim.calls import Call, Reply
from dminbox.xsim.meter import Billed
from dminbox.xsim.world import Post

MAX_IDS = 100
POSTS_OF_USERS = {"pinned_tweet_id", "most_recent_tweet_id"}
USERNAME = re.compile(r"^[A-Za-z0-9_]{1,15}$")


def users_me(call: Call) -> Reply:
    return _one_user(call, "id", call.user_id, call.user_id)


def user_by_username(call: Call) -> Reply:
    username = call.path["username"]
    if not USERNAME.match(username):
        message = f"The `username` path parameter value [{username}] does not match ^[A-Za-z0-9_]{{1,15}}$"
        raise problems.invalid("username", username, message, call.ask.vocabulary)
    person = call.sim.index.usernames.get(username.lower())
    return _one_user(call, "username", username, person.id if person else "")


def users(call: Call) -> Reply:
    found: dict[str, Json] = {}
    errors = []
    for user_id in _asked_ids(call):
        said, error = _user(call, "ids", user_id, user_id)
        if said:
            found[user_id] = said
        errors += [error] if error else []
    return _about_users(call, list(found.values()), list(found), errors)


def tweets(call: Call) -> Reply:
    world, ask = call.sim.world, call.ask
    includes = Includes(world, ask, call.sim.origin, resolves_all=call.sim.settings.include_unresolved)
    found: dict[str, Json] = {}
    for post_id in _asked_ids(call):
        post = world.posts.get(post_id)
        if post is None or post.state != "public":
            includes.errors[post_id] = post_problem(post, ask.vocabulary, "ids", post_id)
            continue
        found[post_id] = post_json(post, ask, call.sim.origin)
        _expand(includes, post)
    people, posts = list(includes.users), dict.fromkeys([*found, *includes.posts])
    return Reply(includes.around(list(found.values())), Billed(users=people, posts=list(posts)))


def _expand(includes: Includes, post: Post) -> None:
    wanted = includes.ask.expansions
    if "author_id" in wanted:
        includes.add_user(post.author_id)
    if "attachments.media_keys" in wanted:
        includes.add_media(post.media_keys)
    if "attachments.poll_ids" in wanted and post.poll:
        includes.add_poll(post.poll)
    if not any(name.startswith("referenced_tweets.id") for name in wanted):
        return
    for reference in post.referenced:
        _expand_reference(includes, reference["id"])


def _expand_reference(includes: Includes, post_id: str) -> None:
    """The author and media of a referenced post come with it and only with their own expansions."""
    wanted = includes.ask.expansions
    post = includes.add_post(post_id, "referenced_tweets.id")
    if post and "referenced_tweets.id.author_id" in wanted:
        includes.add_user(post.author_id)
    if post and "referenced_tweets.id.attachments.media_keys" in wanted:
        includes.add_media(post.media_keys)


def _one_user(call: Call, parameter: str, value: str, user_id: str) -> Reply:
    said, error = _user(call, parameter, value, user_id)
    if said is None:
        return Reply({"errors": [error]})
    return _about_users(call, said, [user_id], [])


def _about_users(call: Call, data: Json | list[Json], user_ids: list[str], errors: list[Json]) -> Reply:
    """With the posts that are expanded from the users, pinned or most recent."""
    includes = Includes(call.sim.world, call.ask, call.sim.origin)
    for user_id in user_ids:
        fields = call.sim.world.people[user_id].fields
        for name in call.ask.expansions & POSTS_OF_USERS & fields.keys():
            includes.add_post(fields[name], name)
    body = includes.around(data)
    errors += body.pop("errors", [])
    return Reply(without_empty({**body, "errors": errors}), Billed(users=user_ids, posts=list(includes.posts)))


def _user(call: Call, parameter: str, value: str, user_id: str) -> tuple[Json | None, Json | None]:
    """What X says of the user, or the partial error in its place."""
    person = call.sim.world.people.get(user_id)
    if person is None:
        return None, problems.user_missing(call.ask.vocabulary, parameter, value)
    if person.is_suspended:
        return None, problems.user_suspended(call.ask.vocabulary, parameter, value)
    return user_json(person, call.ask, call.sim.origin), None


def _asked_ids(call: Call) -> list[str]:
    text = call.query.get("ids", "")
    asked = list(dict.fromkeys(text.split(","))) if text else []
    if not 1 <= len(asked) <= MAX_IDS:
        message = (
            f"The number of values in the `ids` query parameter list [{len(asked)}] is not between 1 and {MAX_IDS}"
        )
        raise problems.invalid("ids", text, message, call.ask.vocabulary)
    for one in asked:
        if not ids.USER.match(one):
            message = f"The `ids` query parameter value [{one}] does not match ^[0-9]{{1,19}}$"
            raise problems.invalid("ids", one, message, call.ask.vocabulary)
    return asked
