"""X's error bodies, key for key."""

from typing import Any

from dminbox.xsim.vocabulary import TWEET, Vocabulary

Body = dict[str, Any]


class RefusalError(Exception):
    """An answer that is no success. `counts` False: X does not take it off the rate-limit window."""

    def __init__(self, status: int, body: Body | str, headers: dict[str, str] | None = None, *, counts: bool = True):
        super().__init__(status)
        self.status = status
        self.body = body
        self.headers = headers or {}
        self.counts = counts


def unauthorized() -> RefusalError:
    return RefusalError(401, {"title": "Unauthorized", "type": "about:blank", "status": 401, "detail": "Unauthorized"})


def forbidden(detail: str = "Forbidden") -> RefusalError:
    return RefusalError(403, {"title": "Forbidden", "type": "about:blank", "status": 403, "detail": detail})


def no_permission_to_dm() -> RefusalError:
    return forbidden("You do not have permission to DM one or more participants.")


def not_permitted() -> RefusalError:
    return forbidden("This operation is not permitted.")


def client_not_enrolled() -> RefusalError:
    body = {
        "client_id": "27123456",
        "detail": "When authenticating requests to the Twitter API v2 endpoints, you must use keys and tokens from a"
        " Twitter developer App that is attached to a Project. You can create a project via the developer portal.",
        "registration_url": "https://developer.twitter.com/en/docs/projects/overview",
        "title": "Client Forbidden",
        "required_enrollment": "Appropriate Level of API Access",
        "reason": "client-not-enrolled",
        "type": "https://api.twitter.com/2/problems/client-forbidden",
    }
    return RefusalError(403, body)


def oauth1_permissions() -> RefusalError:
    body = {
        "title": "Forbidden",
        "status": 403,
        "detail": "Your client app is not configured with the appropriate oauth1 app permissions for this endpoint.",
        "type": "https://api.twitter.com/2/problems/oauth1-permissions",
    }
    return RefusalError(403, body)


def unsupported_authentication(
    kind: str = "Application-Only", supported: str = "OAuth 1.0a User Context, OAuth 2.0 User Context"
) -> RefusalError:
    body = {
        "title": "Unsupported Authentication",
        "detail": f"Authenticating with OAuth 2.0 {kind} is forbidden for this endpoint.  Supported"
        f" authentication types are [{supported}].",
        "type": "https://api.twitter.com/2/problems/unsupported-authentication",
        "status": 403,
    }
    return RefusalError(403, body)


def credits_depleted() -> RefusalError:
    body = {
        "detail": "credits depleted",
        "status": 402,
        "title": "Payment Required",
        "type": "https://api.x.com/2/problems/credits-depleted",
    }
    return RefusalError(402, body, counts=False)


def credits_depleted_2026_02(account_id: str) -> RefusalError:
    body = {
        "title": "CreditsDepleted",
        "detail": f"Your enrolled account [{account_id}] does not have any credits to fulfill this request.",
        "type": "https://api.twitter.com/2/problems/credits",
    }
    return RefusalError(402, body, counts=False)


def not_found() -> RefusalError:
    return RefusalError(404, {"title": "Not Found", "type": "about:blank", "status": 404, "detail": "Not Found"})


def too_many_requests() -> RefusalError:
    body = {"title": "Too Many Requests", "detail": "Too Many Requests", "type": "about:blank", "status": 429}
    return RefusalError(429, body, counts=False)


def subscription_limit(cap: int) -> RefusalError:
    """Nobody has published X's words for it."""
    return forbidden(f"Subscription limit exceeded: this app may have [{cap}] subscriptions.")


def too_many_connections() -> RefusalError:
    body = {
        "title": "ConnectionException",
        "detail": "This stream is currently at the maximum allowed connection limit.",
        "connection_issue": "TooManyConnections",
        "type": "https://api.twitter.com/2/problems/streaming-connection",
    }
    return RefusalError(429, body)


def unavailable() -> RefusalError:
    body = {"title": "Service Unavailable", "detail": "Service Unavailable", "type": "about:blank", "status": 503}
    return RefusalError(503, body, counts=False)


def invalid(parameter: str, value: str, message: str, vocabulary: Vocabulary = TWEET) -> RefusalError:
    body = {
        "errors": [{"parameters": {parameter: [value]}, "message": message}],
        "title": "Invalid Request",
        "detail": "One or more parameters to your request was invalid.",
        "type": f"{vocabulary.problem_host}/2/problems/invalid-request",
    }
    return RefusalError(400, body)


def invalid_body(message: str) -> RefusalError:
    body = {
        "errors": [{"message": message}],
        "title": "Invalid Request",
        "detail": "One or more parameters to your request was invalid.",
        "type": f"{TWEET.problem_host}/2/problems/invalid-request",
    }
    return RefusalError(400, body)


def bad_page_token(token: str, vocabulary: Vocabulary) -> RefusalError:
    message = f"The `pagination_token` query parameter value [{token}] is not a valid token."
    return invalid("pagination_token", token, message, vocabulary)


def unknown_parameter(name: str, value: str, known: frozenset[str], vocabulary: Vocabulary) -> RefusalError:
    message = f"The query parameter [{name}] is not one of [{','.join(sorted(known))}]"
    return invalid(name, value, message, vocabulary)


def unknown_value(name: str, value: str, known: frozenset[str], vocabulary: Vocabulary) -> RefusalError:
    message = f"The `{name}` query parameter value [{value}] is not one of [{','.join(sorted(known))}]"
    return invalid(name, value, message, vocabulary)


def user_missing(vocabulary: Vocabulary, parameter: str, value: str) -> Body:
    """A partial error: a user that does not exist. `parameter` is `ids`, `username` …"""
    detail = f"Could not find user with {parameter}: [{value}]."
    return _resource(vocabulary, "user", parameter, value, "Not Found Error", detail)


def user_suspended(vocabulary: Vocabulary, parameter: str, value: str) -> Body:
    return _resource(vocabulary, "user", parameter, value, "Forbidden", f"User has been suspended: [{value}].")


def post_missing(vocabulary: Vocabulary, parameter: str, value: str) -> Body:
    if vocabulary is not TWEET:
        return {
            "resource_id": value,
            "resource_type": "tweet",
            "title": "Not Found Error",
            "detail": f"Could not find tweet with id: [{value}].",
            "type": f"{vocabulary.problem_host}/2/problems/resource-not-found",
        }
    detail = f"Could not find tweet with {parameter}: [{value}]."
    return _resource(vocabulary, "tweet", parameter, value, "Not Found Error", detail)


def post_protected(vocabulary: Vocabulary, parameter: str, value: str) -> Body:
    detail = f"Sorry, you are not authorized to see the Tweet with {vocabulary.out(parameter)}: [{value}]."
    body = _resource(vocabulary, "tweet", parameter, value, "Authorization Error", detail)
    section = "data" if parameter == "ids" else "includes"
    return {**body, "section": section, "type": f"{vocabulary.problem_host}/2/problems/not-authorized-for-resource"}


def _resource(vocabulary: Vocabulary, kind: str, parameter: str, value: str, title: str, detail: str) -> Body:
    return {
        "value": value,
        "detail": detail,
        "title": title,
        "resource_type": kind,
        "parameter": vocabulary.out(parameter),
        "resource_id": value,
        "type": f"{vocabulary.problem_host}/2/problems/resource-not-found",
    }
