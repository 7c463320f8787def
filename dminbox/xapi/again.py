"""One element that could not be read when X sent it, read once more by the parser of its kind as that is now."""

from dminbox.xapi.legacy import read_media as read_media_of_push
from dminbox.xapi.legacy import read_message, read_person, read_pushed_media
from dminbox.xapi.members import Odd
from dminbox.xapi.parsing import parse_event, read_media, read_post, read_user
from dminbox.xapi.schema import Includes, OddKind, Page


def page_of(kind: str, raw: object) -> Page:
    """A page of this element alone. Raises Odd where it still cannot be read, or nothing on a page is of its kind."""
    match kind:
        case OddKind.EVENT:
            return Page(events=(parse_event(raw),))
        case OddKind.PUSHED:
            event = read_message(raw)
            media, odd = read_pushed_media([event.raw])
            return Page(events=(event,), includes=Includes(media=media, odd=odd))
        case OddKind.USER:
            return Page(includes=Includes(users=(read_user(raw),)))
        case OddKind.PUSHED_USER:
            return Page(includes=Includes(users=(read_person(raw),)))
        case OddKind.POST:
            return Page(includes=Includes(posts=(read_post(raw),)))
        case OddKind.MEDIA:
            return Page(includes=Includes(media=(read_media(raw),)))
        case OddKind.PUSHED_MEDIA:
            return Page(includes=Includes(media=(read_media_of_push(raw),)))
    raise Odd("nothing reads it by itself")
