"""Users and posts by id or name, with what is missing as partial errors."""

import pytest

from tests.xsim.conftest import ADA, BEN, CLEO, DAN

QUOTING, QUOTED = "2050000000000000001", "2050000000000000002"
POLL = {
    "id": "9",
    "options": [{"position": 1, "label": "Oak", "votes": 3}, {"position": 2, "label": "Ash", "votes": 4}],
    "voting_status": "closed",
    "end_datetime": "2026-10-01T00:00:00.000Z",
    "duration_minutes": 60,
}
ALL_EXPANSIONS = (
    "author_id,attachments.media_keys,attachments.poll_ids,referenced_tweets.id,referenced_tweets.id.author_id,"
    "referenced_tweets.id.attachments.media_keys"
)


@pytest.fixture
def posts(x):
    """Cleo quotes a post of Dan, with a poll; both have a photo."""
    photos = [
        {"media_key": key, "type": "photo", "width": 4, "height": 3, "url_path": f"/media/{key}.jpg"}
        for key in ("3_1", "3_2")
    ]
    x.post("media", photos)
    said = {"text": "Which wood?", "created_at": "2026-10-01T10:00:00Z", "fields": {"lang": "en"}}
    quote = {"media_keys": ["3_1"], "poll": POLL, "referenced": [{"type": "quoted", "id": QUOTED}]}
    x.post("posts", [{**said, **quote, "id": QUOTING, "author_id": CLEO}])
    x.post("posts", [{**said, "id": QUOTED, "author_id": DAN, "media_keys": ["3_2"]}])


def test_me_is_who_signed_in(x, ada):
    x.post(
        "people", {"id": ADA, "username": "ada_lamps", "name": "Ada", "fields": {"profile_image_url": "/a_normal.jpg"}}
    )

    assert x.api(ada, "/2/users/me").json() == {"data": {"id": ADA, "name": "Ada", "username": "ada_lamps"}}
    full = x.api(ada, "/2/users/me?user.fields=profile_image_url,protected,description").json()["data"]
    assert full.pop("profile_image_url") == f"{x.url}/a_normal.jpg"
    assert full == {"id": ADA, "name": "Ada", "username": "ada_lamps", "protected": False}


def test_the_pinned_post_of_a_user_is_expanded(x, ada, posts):
    fields = {"pinned_tweet_id": QUOTED}
    x.post("people", {"id": DAN, "username": "dan", "name": "Dan", "fields": fields})
    answer = x.api(ada, "/2/users/by/username/dan?expansions=pinned_tweet_id").json()

    assert answer["data"]["pinned_tweet_id"] == QUOTED
    assert [post["id"] for post in answer["includes"]["tweets"]] == [QUOTED]
    assert "pinned_tweet_id" not in x.api(ada, "/2/users/by/username/dan").json()["data"]


def test_users_come_in_the_order_of_their_ids_with_errors_beside(x, ada):
    x.post("people", {"id": DAN, "username": "dan", "name": "Dan", "is_suspended": True})
    answer = x.api(ada, f"/2/users?ids={CLEO},{DAN},777,{BEN}").json()

    assert [user["username"] for user in answer["data"]] == ["cleo", "ben"]
    suspended, missing = answer["errors"]
    assert suspended == {
        "parameter": "ids",
        "resource_id": DAN,
        "value": DAN,
        "detail": f"User has been suspended: [{DAN}].",
        "title": "Forbidden",
        "resource_type": "user",
        "type": "https://api.twitter.com/2/problems/resource-not-found",
    }
    assert missing["title"] == "Not Found Error"


def test_only_errors_means_no_data(x, ada):
    assert x.api(ada, "/2/users?ids=777").json().keys() == {"errors"}
    answer = x.api(ada, "/2/users/by/username/nobody")
    assert answer.status_code == 200
    assert answer.json() == {
        "errors": [
            {
                "value": "nobody",
                "detail": "Could not find user with username: [nobody].",
                "title": "Not Found Error",
                "resource_type": "user",
                "parameter": "username",
                "resource_id": "nobody",
                "type": "https://api.twitter.com/2/problems/resource-not-found",
            }
        ]
    }


def test_a_name_is_found_in_any_case_and_only_the_present_one(x, ada):
    x.post("people", {"id": BEN, "username": "benjamin", "name": "Ben"})

    assert x.api(ada, "/2/users/by/username/BenJamin").json()["data"]["id"] == BEN
    assert "errors" in x.api(ada, "/2/users/by/username/ben").json()


@pytest.mark.parametrize(
    "path",
    [
        "/2/users",
        "/2/users?ids=ben",
        "/2/users?ids=" + ",".join(str(number) for number in range(101)),
        "/2/users/by/username/with-hyphen",
        "/2/tweets",
    ],
)
def test_a_wrong_parameter_is_an_invalid_request(x, ada, path):
    assert x.api(ada, path).status_code == 400


def test_a_post_comes_with_all_that_is_expanded(x, ada, posts):
    fields = "author_id,attachments,referenced_tweets,created_at,lang,conversation_id"
    params = {"ids": QUOTING, "expansions": ALL_EXPANSIONS, "tweet.fields": fields, "poll.fields": "voting_status"}
    answer = x.api(ada, "/2/tweets", params=params).json()

    assert answer["data"] == [
        {
            "id": QUOTING,
            "text": "Which wood?",
            "edit_history_tweet_ids": [QUOTING],
            "conversation_id": QUOTING,
            "author_id": CLEO,
            "attachments": {"media_keys": ["3_1"], "poll_ids": ["9"]},
            "referenced_tweets": [{"type": "quoted", "id": QUOTED}],
            "created_at": "2026-10-01T10:00:00.000Z",
            "lang": "en",
        }
    ]
    includes = answer["includes"]
    assert [user["id"] for user in includes["users"]] == [CLEO, DAN]
    assert [media["media_key"] for media in includes["media"]] == ["3_1", "3_2"]
    assert [post["id"] for post in includes["tweets"]] == [QUOTED]
    assert includes["polls"] == [{"id": "9", "options": POLL["options"], "voting_status": "closed"}]


def test_what_belongs_to_the_quoted_post_needs_its_own_expansions(x, ada, posts):
    expansions = "author_id,attachments.media_keys,referenced_tweets.id"
    includes = x.api(ada, "/2/tweets", params={"ids": QUOTING, "expansions": expansions}).json()["includes"]

    assert [user["id"] for user in includes["users"]] == [CLEO]
    assert [media["media_key"] for media in includes["media"]] == ["3_1"]


def test_the_post_vocabulary_expands_posts_by_its_own_names(x, ada, posts):
    params = {
        "ids": QUOTING,
        "expansions": "author_id,attachments.poll_ids,referenced_posts",
        "post.fields": "created_at",
    }
    answer = x.api(ada, "/2/tweets", params=params).json()

    (post,) = answer["data"]
    assert post["referenced_posts"] == [{"type": "quoted", "id": QUOTED}]
    assert post["author_id"] == CLEO
    assert "edit_history_post_ids" not in post
    assert answer["includes"].keys() == {"users", "posts", "polls"}
    assert x.get("unknown") == []


def test_posts_that_cannot_be_seen_are_errors_in_the_words_of_the_request(x, ada, posts):
    x.post(
        "posts", {"id": "5", "author_id": DAN, "text": "s", "created_at": "2026-10-01T10:00:00Z", "state": "protected"}
    )
    protected, missing = x.api(ada, "/2/tweets?ids=5,6").json()["errors"]

    assert protected["type"] == "https://api.twitter.com/2/problems/not-authorized-for-resource"
    assert missing["detail"] == "Could not find tweet with ids: [6]."
    (error,) = x.api(ada, "/2/tweets?ids=6&post.fields=text").json()["errors"]
    assert error == {
        "resource_id": "6",
        "resource_type": "tweet",
        "title": "Not Found Error",
        "detail": "Could not find tweet with id: [6].",
        "type": "https://api.x.com/2/problems/resource-not-found",
    }
