"""DM and post text with X's entities -> safe HTML, or a line of plain text. Pure: no tables, no settings.

The text comes as X sends it: escaped (&amp; &lt; &gt;), links as t.co. `entities` is X's object of urls, hashtags,
cashtags and mentions; its indices count code points of the escaped text, and the link itself is a surer guide than they
are. What is made here is shown with `dir="auto"` and `white-space: pre-wrap`: newlines stay newlines.
"""

from __future__ import annotations

import re
import unicodedata
from collections import defaultdict, deque
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from itertools import chain
from typing import Any
from urllib.parse import urlsplit

from django.utils.safestring import SafeString

from conversations import links
from dminbox.markup import filled

Entities = Mapping[str, Any] | None
Place = tuple[int, int]
Marks = Callable[[str], Sequence[Place]]
"""Start and end in X's text, end exclusive."""
Tree = dict[str, "Tree"]
"""Names letter by letter; where one may end, there is a branch "" too."""

MAX_ENTITIES = 500
"""Of one kind; a message of 10,000 characters has room for fewer links than that."""
PREVIEWED = 2_000
"""How much of a message its preview is made from."""
TAG_SIGNS = ("@", "＠", "#", "＃", "$")
ESCAPES = {"&amp;": "&", "&lt;": "<", "&gt;": ">", "&quot;": '"', "&#39;": "'"}
ESCAPE = re.compile("|".join(map(re.escape, ESCAPES)))
UNSHOWABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff]")
LINE_END = re.compile("\r\n?")
BIDI_CONTROLS = "\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069"
LABEL_NOISE = re.compile(f"[\\s\x00-\x1f\x7f-\x9f\ud800-\udfff{BIDI_CONTROLS}]")
T_CO = re.compile(r"https?://t\.co/[A-Za-z0-9]+")
URL_END = re.compile(r"(?![A-Za-z0-9])")
TAG_START = re.compile(f"(?<![\\w&/])[{''.join(TAG_SIGNS)}]")
TAG_END = re.compile(r"(?!\w)")
NARROW = str.maketrans("＠＃", "@#")
BARE = re.compile(
    rf"""(?P<url>(?<![^\W_])(?i:https?)://[^\s<>"{BIDI_CONTROLS}\x00-\x1f\x7f-\x9f\ud800-\udfff]+)
    |(?<![\w@/.&=-])@(?P<mention>[A-Za-z0-9_]{{1,15}})(?![\w@])
    |(?<![\w\#/&.=-])\#(?P<hashtag>\w{{1,139}})(?!\w)
    |(?<![\w$/.&=-])\$(?P<cashtag>[A-Za-z]{{1,6}})(?!\w)""",
    re.VERBOSE,
)
WEB = re.compile(r"(?i:https?)://[^/?#]{1,1000}(?![^/?#])")
"""A longer host is nobody's; Python puts its letters in order, which for ten thousand marks takes long."""
SIGN_OF_BARE = re.compile("://|[@#$]")
"""Where none is, as in most messages, BARE finds nothing, and takes ten times as long for it."""
ADDRESS = re.compile(r"(?:https?://)?[^\s/.]+\.[^\s.]\S*")
CLOSERS = {")": "(", "]": "[", "}": "{"}
TRAILING = ".,;:!?'\"*_~…»”’"


@dataclass(frozen=True, slots=True)
class Piece:
    """A stretch of what is shown; with an href it is a link, and `title` its full target."""

    label: str
    href: str = ""
    title: str = ""


@dataclass(frozen=True, slots=True)
class Said:
    """A message as plain text with its links in full: what a search looks at, and shows."""

    text: str
    has_link: bool


class Stands(Enum):
    """What a link stands for on the page."""

    FOR_ITSELF = "itself"
    FOR_MEDIA = "media shown beside the text"
    FOR_CARD = "a post shown as a card"


@dataclass(frozen=True, slots=True)
class Span:
    """Where a piece stands in X's text, end exclusive."""

    start: int
    end: int
    piece: Piece
    stands: Stands = Stands.FOR_ITSELF


def to_html(
    text: str | None,
    entities: Entities = None,
    *,
    has_media: bool = False,
    card_post_ids: Collection[int | str] = (),
    marks: Marks | None = None,
) -> SafeString:
    """What a person reads. has_media hides the link X adds for attached media; card_post_ids the links to those posts.

    Only <a> elements come out, to http and https addresses alone, and <mark> where marks says so; all else is escaped
    text.
    """
    pieces = _pieces(text, entities, has_media, card_post_ids)
    if marks is None:
        return SafeString("".join(map(_html, pieces)))
    return SafeString("".join(_marked(pieces, marks("".join(piece.label for piece in pieces)))))


def marked(words: str, marks: Marks | None) -> SafeString:
    """Words that are nothing but text: a description, a title."""
    return _with_marks(words, marks(words) if marks else ())


def preview(
    text: str | None,
    entities: Entities = None,
    length: int = 140,
    *,
    has_media: bool = False,
    card_post_ids: Collection[int | str] = (),
) -> str:
    """One line of plain text of at most `length` characters; empty when only hidden links stood there."""
    pieces = _pieces((text or "")[:PREVIEWED], entities, has_media, card_post_ids)
    return _shortened(" ".join("".join(piece.label for piece in pieces).split()), length)


def said(
    text: str | None, entities: Entities = None, *, has_media: bool = False, card_post_ids: Collection[int | str] = ()
) -> Said:
    pieces = _pieces(text, entities, has_media, card_post_ids)
    with_links_in_full = (piece.title if _is_address(piece) else piece.label for piece in pieces)
    return Said("".join(with_links_in_full), any(map(_is_address, pieces)))


def plain(text: str | None, entities: Entities = None) -> str:
    """What was written, for copying: decoded, with each link's full address."""
    pieces = _pieces(text, entities, has_media=False, card_post_ids=())
    return "".join(piece.label if piece.label[:1] in "@＠#＃$" else piece.href or piece.label for piece in pieces)


def is_emoji_only(text: str | None) -> bool:
    """Whether a message is a few emoji and nothing else, and so shown large."""
    bare = "".join((text or "").split())
    return re.fullmatch(f"{EMOJI}{{1,6}}", bare) is not None


# --- Pieces -----------------------------------------------------------------------------------------------------------


def _pieces(text: str | None, entities: Entities, has_media: bool, card_post_ids: Collection[int | str]) -> list[Piece]:
    text = text or ""
    if not entities and not T_CO.search(text):
        return list(_plain_pieces(text))
    spans = _apart(text, chain(_url_spans(text, entities, has_media, card_post_ids), _tag_spans(text, entities)))
    hidden = _hidden(text, spans)
    pieces: list[Piece] = []
    position = 0
    for span in spans:
        before = text[position : span.start]
        # X sets a space before the link it adds; it goes with the link.
        pieces.extend(_plain_pieces(before.rstrip(" ") if span in hidden else before))
        if span not in hidden:
            pieces.append(span.piece)
        position = span.end
    pieces.extend(_plain_pieces(text[position:]))
    return _trimmed(pieces) if hidden else pieces


def _hidden(text: str, spans: Sequence[Span]) -> set[Span]:
    """The media's own link; and those of cards where they end the text: amid a sentence it would lose its sense."""
    end = len(text)
    for span in reversed(spans):
        if span.stands is Stands.FOR_ITSELF or text[span.end : end].strip():
            break
        end = span.start
    cards = {span for span in spans if span.stands is Stands.FOR_CARD}
    media = {span for span in spans if span.stands is Stands.FOR_MEDIA}
    return media | cards if all(span.start >= end for span in cards) else media


def _apart(text: str, candidates: Iterator[Span]) -> list[Span]:
    """Those spans that lie inside the text and overlap no earlier candidate, in the order of the text."""
    taken = bytearray(len(text))
    kept: list[Span] = []
    for span in candidates:
        if 0 <= span.start < span.end <= len(text) and not any(taken[span.start : span.end]):
            taken[span.start : span.end] = b"\x01" * (span.end - span.start)
            kept.append(span)
    return sorted(kept, key=lambda span: span.start)


def _trimmed(pieces: list[Piece]) -> list[Piece]:
    """Where a link was hidden, the blank lines around it say nothing any more."""
    if pieces and not pieces[0].href:
        pieces[0] = Piece(pieces[0].label.lstrip())
    if pieces and not pieces[-1].href:
        pieces[-1] = Piece(pieces[-1].label.rstrip())
    return pieces


# --- What X's entities say --------------------------------------------------------------------------------------------


def _url_spans(text: str, entities: Entities, has_media: bool, card_post_ids: Collection[int | str]) -> Iterator[Span]:
    cards = {str(post_id) for post_id in card_post_ids}
    unnamed_cards, unnamed_media, named = set(cards), has_media, set[str]()
    listed = _listed(entities, "urls")
    places = _places_of_urls(text, {_text_of(entity, "url") for entity in listed})
    for entity in listed:
        url, expanded = _text_of(entity, "url"), _text_of(entity, "expanded_url")
        if url in named:
            continue
        named.add(url)
        post_id = links.post_id_of(expanded) or ""
        is_media = has_media and links.is_own_media(expanded, _text_of(entity, "display_url"))
        unnamed_media = unnamed_media and not is_media
        unnamed_cards.discard(post_id)
        stands = Stands.FOR_MEDIA if is_media else Stands.FOR_CARD if post_id in cards else Stands.FOR_ITSELF
        yield from (Span(*place, _url_piece(entity), stands) for place in places[url] or _indexed(text, entity))
    yield from _spans_without_entity(text, named, unnamed_media, len(unnamed_cards))


def _spans_without_entity(text: str, named: set[str], has_media: bool, cards: int) -> Iterator[Span]:
    """The same links where X gave no entity: the media's stands last; those of posts only if no other is there."""
    places = [match for match in T_CO.finditer(text) if match[0] not in named]
    if has_media and places and not text[places[-1].end() :].strip():
        last = places.pop()
        yield Span(*last.span(), _link(last[0]), Stands.FOR_MEDIA)
    if len(places) == cards:
        yield from (Span(*match.span(), _link(match[0]), Stands.FOR_CARD) for match in places)


def _url_piece(entity: Mapping[str, Any]) -> Piece:
    expanded, display = _text_of(entity, "expanded_url"), _text_of(entity, "display_url")
    if not _is_web(expanded):
        return _link(_text_of(entity, "url"))
    return Piece(_label(display) or _label(expanded), expanded, expanded)


def _places_of_urls(text: str, urls: set[str]) -> Mapping[str, list[Place]]:
    first_letters = {url[0] for url in urls if url}
    starts = (place for place, letter in enumerate(text) if letter in first_letters)
    places: dict[str, list[Place]] = defaultdict(list)
    for start, end in _places_of_any(text, starts, urls, URL_END, alike=str):
        places[text[start:end]].append((start, end))
    return places


def _indexed(text: str, entity: Mapping[str, Any]) -> Iterator[Place]:
    """Where the indices point, if an address stands there; else they are wrong, and words must not get lost."""
    start, end = entity.get("start"), entity.get("end")
    if not (isinstance(start, int) and isinstance(end, int) and 0 <= start < end <= len(text)):
        return
    if ADDRESS.fullmatch(text, start, end):
        yield start, end


def _tag_spans(text: str, entities: Entities) -> Iterator[Span]:
    hrefs = {_as_one_tag(sign + name): href for sign, name, href in _tags(entities) if name}
    starts = (match.start() for match in TAG_START.finditer(text))
    for start, end in _places_of_any(text, starts, hrefs, TAG_END, alike=_as_one_tag):
        href = hrefs[_as_one_tag(text[start:end])]
        yield Span(start, end, Piece(_shown(text[start:end]), href, href))


def _tags(entities: Entities) -> Iterator[tuple[str, str, str]]:
    """Sign, name and address of every mention, hashtag and cashtag."""
    for entity in _listed(entities, "mentions"):
        name, user_id = _text_of(entity, "username"), _text_of(entity, "id")
        yield "@", name, links.person(user_id) if user_id.isdecimal() else links.handle(name)
    for entity in _listed(entities, "hashtags"):
        yield "#", (tag := _text_of(entity, "tag")), links.hashtag(tag)
    for entity in _listed(entities, "cashtags"):
        yield "$", (tag := _text_of(entity, "tag")), links.cashtag(tag)


def _as_one_tag(text: str) -> str:
    """What X takes for the same tag is the same: with a wide sign or a narrow one, in capitals or small letters."""
    return text.translate(NARROW).casefold()


def _places_of_any(
    text: str, starts: Iterable[int], names: Iterable[str], ends: re.Pattern[str], *, alike: Callable[[str], str]
) -> Iterator[Place]:
    """Where any of the names stands, of several the longest. One walk: a stranger's message can hold some thousand."""
    tree = _tree(names)
    for start in starts:
        end = _longest_end(text, start, tree, ends, alike)
        if end > start:
            yield start, end


def _tree(names: Iterable[str]) -> Tree:
    tree: Tree = {}
    for name in filter(None, names):
        branch = tree
        for letter in name:
            branch = branch.setdefault(letter, {})
        branch[""] = {}
    return tree


def _longest_end(text: str, start: int, tree: Tree, ends: re.Pattern[str], alike: Callable[[str], str]) -> int:
    branch, end = tree, start
    for place in range(start, len(text)):
        for letter in alike(text[place]):
            branch = branch.get(letter, {})
        if not branch:
            break
        if "" in branch and ends.match(text, place + 1):
            end = place + 1
    return end


def _listed(entities: Entities, kind: str) -> list[Mapping[str, Any]]:
    found = entities.get(kind) if isinstance(entities, Mapping) else None
    return [entity for entity in found[:MAX_ENTITIES] if isinstance(entity, Mapping)] if isinstance(found, list) else []


def _text_of(entity: Mapping[str, Any], key: str) -> str:
    value = entity.get(key)
    return value if isinstance(value, str) else ""


# --- What the text says by itself -------------------------------------------------------------------------------------


def _plain_pieces(text: str) -> Iterator[Piece]:
    """Text between X's entities, decoded; addresses and tags in it become links."""
    text, position = _shown(text), 0
    for match in BARE.finditer(text) if SIGN_OF_BARE.search(text) else ():
        piece = _bare_piece(match)
        if piece is None:
            continue
        if match.start() > position:
            yield Piece(text[position : match.start()])
        yield piece
        position = match.start() + len(piece.label)
    if position < len(text):
        yield Piece(text[position:])


def _bare_piece(match: re.Match[str]) -> Piece | None:
    if url := match["url"]:
        piece = _link(_without_trailing(url))
        return piece if piece.href else None
    if name := match["mention"]:
        return Piece(match[0], links.handle(name), links.handle(name))
    if tag := match["hashtag"]:
        # "#1" is a number to people and to X; a hashtag has a letter in it.
        return None if tag.isdecimal() else Piece(match[0], links.hashtag(tag), links.hashtag(tag))
    return Piece(match[0], links.cashtag(match["cashtag"]), links.cashtag(match["cashtag"]))


def _link(url: str) -> Piece:
    """An address as it stands; plain text where it is none of the web."""
    return Piece(url, url, url) if _is_web(url) else Piece(_shown(url))


def _without_trailing(url: str) -> str:
    """An address without the punctuation of the sentence around it."""
    unopened = {closer: url.count(closer) - url.count(opener) for closer, opener in CLOSERS.items()}
    end = len(url)
    while end and (url[end - 1] in TRAILING or unopened.get(url[end - 1], 0) > 0):
        end -= 1
        if url[end] in unopened:
            unopened[url[end]] -= 1
    return url[:end]


def _is_web(url: str) -> bool:
    if LABEL_NOISE.search(url) or not WEB.match(url):
        return False
    try:
        return bool(urlsplit(url).hostname)
    except ValueError:
        return False


def _is_address(piece: Piece) -> bool:
    return bool(piece.href) and not piece.label.startswith(TAG_SIGNS)


# --- Characters -------------------------------------------------------------------------------------------------------


def _shown(text: str) -> str:
    """X's escapes decoded once; what no page can hold becomes U+FFFD."""
    decoded = ESCAPE.sub(lambda match: ESCAPES[match[0]], text)
    return UNSHOWABLE.sub("\ufffd", LINE_END.sub("\n", decoded))


def _label(url: str) -> str:
    """An address as people read it; nothing in it may turn the order of its letters."""
    bare = LABEL_NOISE.sub("", url)
    return bare.removeprefix("https://").removeprefix("http://").removesuffix("/")


def _html(piece: Piece, label: SafeString | None = None) -> SafeString:
    if not piece.href:
        return filled("{}", piece.label if label is None else label)
    return filled(
        '<a href="{}" title="{}" rel="noopener noreferrer nofollow" target="_blank" dir="auto">{}</a>',
        piece.href,
        piece.title,
        piece.label if label is None else label,
    )


def _marked(pieces: Iterable[Piece], places: Iterable[Place]) -> Iterator[SafeString]:
    """places: in the labels one after the other, in order and apart; one may run from a piece into the next."""
    left, start = deque(places), 0
    for piece in pieces:
        end, inside = start + len(piece.label), []
        while left and left[0][0] < end:
            inside.append((max(left[0][0], start) - start, min(left[0][1], end) - start))
            if left[0][1] > end:
                break
            left.popleft()
        yield _html(piece, _with_marks(piece.label, inside))
        start = end


def _with_marks(label: str, places: Iterable[Place]) -> SafeString:
    parts, position = [], 0
    for start, end in places:
        parts += [filled("{}<mark>{}</mark>", label[position:start], label[start:end])]
        position = end
    return SafeString("".join([*parts, filled("{}", label[position:])]))


def _shortened(text: str, length: int) -> str:
    if len(text) <= length:
        return text
    end = max(length - 1, 0)
    while end and _joins(text[end - 1], text[end]):
        end -= 1
    return text[:end].rstrip() + "…"


def _joins(left: str, right: str) -> bool:
    """Whether two characters are parts of one that people see."""
    return (
        left == "\u200d" or right in "\u200d\ufe0f\u20e3" or _is_modifier(right) or (_is_flag(left) and _is_flag(right))
    )


def _is_modifier(character: str) -> bool:
    return bool(unicodedata.combining(character)) or "\U0001f3fb" <= character <= "\U0001f3ff"


def _is_flag(character: str) -> bool:
    return "\U0001f1e6" <= character <= "\U0001f1ff"


EMOJI_BASE = (
    "[\u203c\u2049\u2139\u2194-\u2199\u21a9\u21aa\u231a\u231b\u2328\u23cf\u23e9-\u23f3\u23f8-\u23fa\u24c2\u25aa\u25ab"
    "\u25b6\u25c0\u25fb-\u25fe\u2600-\u27bf\u2934\u2935\u2b05-\u2b07\u2b1b\u2b1c\u2b50\u2b55\u3030\u303d\u3297\u3299"
    "\U0001f004\U0001f0cf\U0001f170-\U0001f1e5\U0001f200-\U0001f251\U0001f300-\U0001f3fa\U0001f400-\U0001faff]"
)
"""The blocks Unicode's emoji stand in, with their neighbours; © ® ™ and digits are left out, they are text first."""
EMOJI_UNIT = f"(?:{EMOJI_BASE}\ufe0f?[\U0001f3fb-\U0001f3ff]?(?:[\U000e0020-\U000e007e]+\U000e007f)?)"
EMOJI = f"(?:[\U0001f1e6-\U0001f1ff]{{2}}|[0-9#*]\ufe0f?\u20e3|{EMOJI_UNIT}(?:\u200d{EMOJI_UNIT})*)"
