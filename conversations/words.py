"""The one function that makes words of a text, for the search index and for what people search. Pure: no tables.

A text becomes a row of words. A run of letters, marks and digits is a word; so is each single character of scripts that
set no spaces (Han, Kana, Hangul, Thai …) and each symbol (emoji). Compared is what NFKC and case folding leave of it,
with its diacritics and, as a second form, without; handles, hashtags and cashtags have a form with their sign too.

The index keeps numbers ("tokens") of words, of pairs of neighbours and of all runs of three characters inside a word.
Tokens never decide: they lead to few texts that may be meant, and `Term.places` says of each whether it is.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from zlib import crc32

LONGEST = 30_000
"""Characters, folded, that words are made of: X's messages have up to 10,000, its posts 25,000. But one character can
fold to 18 of them, and links stand in full; what is beyond is found by nobody."""
MOST_MARKS = 31
"""Of one character; more are no script's. To put them in order takes as long as their number squared."""
GRAM = 3
ENOUGH_GRAMS = 8
SIGNS = "@#$"
TATWEEL = "\u0640"
UNSPACED = (
    (0x0E00, 0x0EFF),  # Thai, Lao
    (0x0F00, 0x0FFF),  # Tibetan
    (0x1000, 0x109F),  # Myanmar
    (0x1100, 0x11FF),  # Hangul Jamo
    (0x1780, 0x17FF),  # Khmer
    (0x2E80, 0x2FDF),  # radicals
    (0x3005, 0x3007),  # iteration mark, closing mark, zero
    (0x3040, 0x31FF),  # Hiragana, Katakana, Bopomofo, Jamo
    (0x3400, 0x4DBF),  # Han
    (0x4E00, 0x9FFF),  # Han
    (0xA960, 0xA97F),  # Hangul Jamo
    (0xAC00, 0xD7FF),  # Hangul
    (0xF900, 0xFAFF),  # Han
    (0x1B000, 0x1B16F),  # Kana
    (0x20000, 0x323AF),  # Han
)
SKIN_TONES = (0x1F3FB, 0x1F3FF)
JOINER = "\u200d"
UNSEEN = dict.fromkeys([0xAD, 0x34F, 0x61C, 0x180E, *range(0x200B, 0x2010), *range(0x202A, 0x202F), 0xFEFF])
UNSEEN |= dict.fromkeys([*range(0x2060, 0x2070), *range(0xE0000, 0xE0080)])
"""Soft hyphens, joiners and marks of direction: who reads sees one word, with or without them."""
IN_WORD, ALONE, BETWEEN = "w", "s", " "


class _Kinds(dict[int, str]):
    """Code point -> what it is in a word, for str.translate; found out once each."""

    def __missing__(self, point: int) -> str:
        kind = self[point] = _kind(point)
        return kind


def _kind(point: int) -> str:
    category = unicodedata.category(chr(point))
    if any(low <= point <= high for low, high in UNSPACED):
        return BETWEEN if category[0] in "PZC" else ALONE
    if category[0] in "LN" or category in ("Mn", "Mc") or chr(point) == "_":
        # Variation selectors choose a picture, and say nothing.
        return BETWEEN if 0xFE00 <= point <= 0xFE0F else IN_WORD
    if SKIN_TONES[0] <= point <= SKIN_TONES[1]:
        return ALONE
    return ALONE if category in ("So", "Sm", "Sc") and chr(point) not in SIGNS else BETWEEN


KINDS = _Kinds()
WORD = re.compile(f"{IN_WORD}+|{ALONE}")
SMALLEST_PARTS = re.compile("[\u1160-\u11ff\uff9e\uff9f]")


@dataclass(frozen=True, slots=True)
class Word:
    """A word and where it stands in the text, end exclusive. sign: the @, # or $ right before it, else "".

    plain: as typed, and without diacritics where that is something else.
    """

    start: int
    end: int
    typed: str
    plain: tuple[str, ...]
    sign: str = ""
    is_character: bool = False

    @property
    def forms(self) -> tuple[str, ...]:
        """All that this word is found by."""
        return (*self.plain, *(self.sign + form for form in self.plain)) if self.sign else self.plain


def words_of(text: str) -> list[Word]:
    folded, origins = _folded(text)
    kinds = folded.translate(KINDS)
    found = []
    for match in WORD.finditer(kinds):
        start, end = match.span()
        is_character = kinds[start] == ALONE
        sign = folded[start - 1] if start and not is_character and folded[start - 1] in SIGNS else ""
        place = (start, end) if origins is None else (origins[start][0], origins[end - 1][1])
        typed = folded[start:end]
        plain = (typed,) if is_character else _plain(typed)
        found.append(Word(*place, typed, plain, sign, is_character))
    return found


def _plain(typed: str) -> tuple[str, ...]:
    bare = "" if typed.isascii() else bare_of(typed)
    return (typed, bare) if bare and bare != typed else (typed,)


def drawn_as_one(text: str, left: Word, right: Word) -> bool:
    """Whether two neighbours are one picture: joined, or the second is the colour of the first one's skin."""
    is_tone = right.is_character and SKIN_TONES[0] <= ord(right.typed) <= SKIN_TONES[1]
    return left.end == right.start and (is_tone or text[left.end - 1] == JOINER)


def folded_of(text: str) -> str:
    return _folded(text)[0]


def bare_of(word: str) -> str:
    """Without diacritics: é is e, ü is u; ø and ł are letters of their own."""
    apart = unicodedata.normalize("NFD", word)
    bare = "".join(one for one in apart if not unicodedata.combining(one) and one != TATWEEL)
    return unicodedata.normalize("NFC", bare)


def _folded(text: str) -> tuple[str, list[tuple[int, int]] | None]:
    """NFKC and case folding; and which stretch of the text each character comes from; None: from its own place."""
    if text.isascii():
        return text[:LONGEST].lower(), None
    parts: list[str] = []
    origins: list[tuple[int, int]] = []
    for start, end in _clusters(text):
        part = _fold(text[start : min(end, start + 1 + MOST_MARKS)])
        parts.append(part)
        origins.extend([(start, end)] * len(part))
        if len(origins) >= LONGEST:
            break
    return "".join(parts)[:LONGEST], origins


def _fold(part: str) -> str:
    if part.isascii():
        return part.lower()
    seen = part.translate(UNSEEN)
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", seen).casefold())


def _clusters(text: str) -> Iterator[tuple[int, int]]:
    """Each character with the marks that follow it, for they may become one, and with what is unseen."""
    start = 0
    for place in range(1, len(text)):
        if not _continues(text[place]):
            yield start, place
            start = place
    if text:
        yield start, len(text)


def _continues(character: str) -> bool:
    if ord(character) in UNSEEN:
        return True
    if character < "\u0300":
        return False
    return unicodedata.category(character)[0] == "M" or SMALLEST_PARTS.match(character) is not None


# --- Tokens -----------------------------------------------------------------------------------------------------------


def tokens_of(words: Sequence[Word]) -> set[int]:
    """Everything a text is found by."""
    tokens: set[int] = set()
    for word in words:
        for form in word.forms:
            tokens.add(_word(form))
            if not word.is_character:
                tokens.update(_grams(form))
    for left, right in pairwise(words):
        tokens.update(_pair(one, other) for one in left.plain for other in right.plain)
    return tokens


def facet(name: str, value: object = "") -> int:
    """The token of something else that is true of a message: who wrote it, where it stands, what it carries."""
    return _token(f"f\x00{name}\x00{value}")


def grams_of(words: Iterable[Word]) -> set[int]:
    """For names that are alike: three characters each, with the ends of the words, diacritics left out."""
    return {gram for word in words for gram in _grams(f"\x02{word.plain[-1]}\x03")}


def begin_of(word: Word) -> set[int]:
    """Which of `grams_of` the words of a name have that begin as this one does."""
    return set(_grams(f"\x02{word.plain[-1]}")[:1])


def _word(form: str) -> int:
    return _token(f"w\x00{form}")


def _pair(left: str, right: str) -> int:
    return _token(f"p\x00{left}\x00{right}")


def _grams(form: str) -> list[int]:
    return [_token(form[place : place + GRAM]) for place in range(len(form) - GRAM + 1)]


def _token(text: str) -> int:
    """A signed number of 32 bits, as databases keep them. Two that meet cost time and nothing else."""
    return crc32(text.encode(errors="surrogatepass")) - 2**31


# --- What is searched -------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Term:
    """One thing that is searched. Exact: these words, whole, one after the other ("in quotes").

    Otherwise its characters may stand anywhere inside words: the first of several words may be the end of a longer one,
    the last the beginning of one. What is shorter than three characters is looked for as a whole word in any case.
    """

    words: tuple[Word, ...]
    is_exact: bool = False

    @property
    def tokens(self) -> set[int]:
        """What every text that holds it must have."""
        tokens: set[int] = set()
        whole: list[Word] = []
        for place, word in enumerate(self.words):
            if self._may_be_part(place):
                tokens.update(_spread(_grams(_wanted(word))))
            else:
                whole.append(word)
                tokens.add(_word(_wanted(word)))
        return tokens | {_pair(left.typed, right.typed) for left, right in pairwise(whole)}

    def _may_be_part(self, place: int) -> bool:
        """Whether the word there may be found inside a longer one: those at either end, if they are long enough."""
        is_end = place in (0, len(self.words) - 1)
        return is_end and not self.is_exact and _is_long(self.words[place])

    def places(self, words: Sequence[Word]) -> list[tuple[int, int]]:
        """Where in a text it stands, as the first and the last of its words; empty when it does not."""
        length = len(self.words)
        return [
            (place, place + length - 1)
            for place in range(len(words) - length + 1)
            if self._stands_at(words[place : place + length])
        ]

    def _stands_at(self, words: Sequence[Word]) -> bool:
        return all(self._is_there(place, word) for place, word in enumerate(words))

    def _is_there(self, place: int, word: Word) -> bool:
        wanted, forms = _wanted(self.words[place]), word.forms
        if not self._may_be_part(place):
            return wanted in forms
        if len(self.words) == 1:
            return any(wanted in form for form in forms)
        return any(form.endswith(wanted) if place == 0 else form.startswith(wanted) for form in forms)


def _wanted(word: Word) -> str:
    return word.sign + word.typed


def _is_long(word: Word) -> bool:
    return not word.is_character and len(_wanted(word)) >= GRAM


def _spread(grams: Sequence[int]) -> set[int]:
    """Some of many, from end to end: each more makes a search surer, and longer."""
    if len(grams) <= ENOUGH_GRAMS:
        return set(grams)
    step = (len(grams) - 1) / (ENOUGH_GRAMS - 1)
    return {grams[round(place * step)] for place in range(ENOUGH_GRAMS)}
