"""The everyday exchanges of a lamp maker's support: who writes when, and about what."""

from __future__ import annotations

import random
from datetime import datetime, timedelta
from functools import cache

from dminbox.xsim.demo.people import Role
from dminbox.xsim.demo.script import After, At, Say, Step, duration, parse_line
from dminbox.xsim.demo.texts import sections

LAMPS = ("Polaris", "Fjord", "Juniper", "Skerry", "Lyra", "Halden", "Sommar", "Nacht")
COLLEAGUES = ("Mira", "Jon", "Aylin")
CITIES = {
    "en": ("Leeds", "Rotterdam", "Malmö", "Dublin", "Antwerp"),
    "de": ("Hannover", "Kassel", "Nürnberg", "Lübeck"),
    "fr": ("Lille", "Lyon", "Gand", "Nantes"),
    "es": ("Zaragoza", "Sevilla", "Vigo", "Valencia"),
}
DAYS = {
    "en": ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday"),
    "de": ("Montag", "Dienstag", "Mittwoch", "Donnerstag", "Freitag"),
    "fr": ("lundi", "mardi", "mercredi", "jeudi", "vendredi"),
    "es": ("lunes", "martes", "miércoles", "jueves", "viernes"),
}
COLOURS = {
    "en": ("moss green", "brick red", "midnight blue", "sand", "brass"),
    "de": ("Moosgrün", "Ziegelrot", "Nachtblau", "Sand", "Messing"),
    "fr": ("vert mousse", "rouge brique", "bleu nuit", "sable"),
    "es": ("verde musgo", "rojo ladrillo", "azul noche", "arena"),
}
AGES = (
    ((58, 87), (31, 50), (9, 28), (0.2, 5)),
    ((36, 80), (14, 28), (2, 11)),
    ((55, 88), (33, 52)),
    ((60, 88), (12, 29), (1, 9)),
)
"""Between how many days ago each exchange of a customer began, in turn: who is lively, who is quiet, who is silent."""

VARIANTS = 6
"""Lines have up to three variants; after six turns the combination repeats."""
LAST = (3, 300)
"""So many minutes old is the last message of an exchange that would otherwise reach beyond now."""


class Deck:
    """Topics dealt without a repeat until all had their turn, each time in another variant."""

    def __init__(self, pick: random.Random, language: str) -> None:
        self.pick, self.topics = pick, _topics(language)
        self.left: list[int] = []
        self.variants = [pick.randrange(VARIANTS) for _ in self.topics]

    def deal(self) -> tuple[list[str], int]:
        if not self.left:
            self.left = self.pick.sample(range(len(self.topics)), len(self.topics))
        topic = self.left.pop()
        self.variants[topic] += 1
        return self.topics[topic], self.variants[topic]


def exchanges(pick: random.Random, deck: Deck, role: Role, place: int, now: datetime) -> list[Step]:
    """All that this customer and the support wrote to each other, oldest first."""
    steps: list[Step] = []
    for earliest, latest in AGES[place % len(AGES)]:
        topic, variant = deck.deal()
        said = _filled(pick, topic, variant, role)
        length = sum((step.gap for step in said if isinstance(step, After)), timedelta())
        latest_begin = now - length - timedelta(minutes=pick.uniform(*LAST))
        begin = min(_at_daytime(pick, now - timedelta(days=pick.uniform(earliest, latest))), latest_begin)
        steps += [At(now - begin), *said]
    return steps


def _filled(pick: random.Random, topic: list[str], variant: int, role: Role) -> list[Step]:
    """The lines with the pauses between them; a pause of hours or days is in the topic itself."""
    slots, speaker, pause = _slots(pick, role), "", timedelta()
    steps: list[Step] = []
    for line in topic:
        if line.startswith("@ +"):
            pause = duration(line) * pick.uniform(0.6, 1.2)
            continue
        step = _line(line, variant, role.key, slots)
        if steps:
            steps.append(After(pause or _gap(pick, step.who == speaker)))
        steps.append(step)
        speaker, pause = step.who, timedelta()
    return steps


def _at_daytime(pick: random.Random, moment: datetime) -> datetime:
    return moment.replace(hour=pick.randint(6, 19), minute=pick.randint(0, 59), second=pick.randint(0, 59))


def _gap(pick: random.Random, is_same_speaker: bool) -> timedelta:
    low, high = (9, 80) if is_same_speaker else (70, 5400)
    return timedelta(milliseconds=int(1000 * low * (high / low) ** pick.random()))


def _line(line: str, variant: int, customer: str, slots: dict[str, str]) -> Say:
    """Variants that belong together stand at the same place in their lines."""
    who, _, variants = line.partition(": ")
    choices = variants.split(" | ")
    text = choices[variant % len(choices)].strip()
    for name, value in slots.items():
        text = text.replace(f"{{{name}}}", value)
    step = parse_line(f"{customer if who == 'c' else 'support'}: {text}")
    if not isinstance(step, Say):
        raise TypeError(f"an exchange is made of things said, not {line}")
    return step


def _slots(pick: random.Random, role: Role) -> dict[str, str]:
    return {
        "lamp": pick.choice(LAMPS),
        "order": f"NL-{pick.randint(30000, 69999)}",
        "day": pick.choice(DAYS[role.language]),
        "city": pick.choice(CITIES[role.language]),
        "colour": pick.choice(COLOURS[role.language]),
        "colleague": pick.choice(COLLEAGUES),
        "name": role.first_name,
    }


@cache
def _topics(language: str) -> list[list[str]]:
    return [lines for _name, lines in sections(f"{language}.txt")]
