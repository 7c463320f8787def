"""Files: a DM photo through the API for its participants alone, everything public under the origin to anybody."""

import re

from starlette.requests import Request
from starlette.responses import Response

from dminbox.xsim import media, problems
from dminbox.xsim.calls import Call, Reply, bearer, to_response
from dminbox.xsim.sim import Sim
from dminbox.xsim.world import MediaItem

TON = "/1.1/ton/data/dm/"
RANGE = re.compile(r"^bytes=(\d*)-(\d*)$")


def dm_media(call: Call) -> Reply:
    """Bytes of a photo to who may see a message that shows it; `dm_id` is the one in the photo's URL."""
    path = TON + "/".join(call.path[name] for name in ("dm_id", "media_id", "resource_id"))
    name, item = call.sim.index.files.get(path, ("", None))
    if item is None or item.is_gone or not _is_shown_to(call, item):
        raise problems.not_found()
    return Reply(media.file_bytes(name), headers={"content-type": "application/octet-stream"})


def _is_shown_to(call: Call, item: MediaItem) -> bool:
    return any(call.sim.index.may_see(call.user_id, event) for event in call.sim.index.by_media.get(item.media_key, []))


def ton_file(sim: Sim, request: Request) -> Response:
    """The host of DM photos takes OAuth 1.0a alone: never a bearer, and nobody without credentials."""
    refusal = problems.forbidden() if bearer(sim, request) else problems.unauthorized()
    return to_response(refusal.status, refusal.body, {})


def public_file(sim: Sim, request: Request) -> Response:
    path, files = request.url.path, sim.index.files
    found = files.get(path) or files.get(f"{path}?{request.url.query}")
    name, item = found or (media.profile_image(path), None)
    if name is None or (item and item.is_gone):
        return Response("", 404)
    return _ranged(media.file_bytes(name), media.file_type(name), request.headers.get("range", ""))


def _ranged(content: bytes, content_type: str, asked: str) -> Response:
    """The whole file, or the one range that was asked for; 416 when it lies outside."""
    headers = {"content-type": content_type, "accept-ranges": "bytes", "cache-control": "max-age=604800"}
    match = RANGE.match(asked)
    if not match or match.groups() == ("", ""):
        return Response(content, headers=headers)
    first, last = _bounds(match[1], match[2], len(content))
    if first > last:
        return Response("", 416, headers | {"content-range": f"bytes */{len(content)}"})
    headers["content-range"] = f"bytes {first}-{last}/{len(content)}"
    return Response(content[first : last + 1], 206, headers)


def _bounds(first: str, last: str, size: int) -> tuple[int, int]:
    if not first:
        return max(0, size - int(last)), size - 1 if int(last) else -1
    return int(first), min(int(last), size - 1) if last else size - 1
