"""Gustav's letter: as long as X lets a message be."""

from __future__ import annotations

import random

from dminbox.xsim.demo.texts import lines

LONGEST = 10_000
SIGHTS = (
    "the crack is {size} cm long, unchanged",
    "my wife reads two pages, then gives up",
    "read the manual again, page {page}, found one misprint",
    "the neighbour looks in and says nothing, which is worse",
    "measured the cable: {size} cm more than stated, in your favour",
    "no answer from you",
    "no answer from you, but a newsletter",
    "ate by candle light; {page} drops of wax on the cloth",
    "the dog has got used to the dark, I have not",
    "counted the screws: {page}, as listed",
    "wrote the first draft of this letter and put it away",
    "held the two halves together with tape; it held for {page} minutes",
    "the light itself, through the crack, is rather beautiful",
)
CLOSING = (
    "\n\nI remain, with respect and a tape measure,\nGustav Ahlberg\n\nP.S. The rest of this page is for your notes: "
)


def letter() -> str:
    """Exactly LONGEST characters."""
    text = "\n\n".join(lines("letter.txt")) + "\n\nAppendix. What I noted in the evenings:\n"
    pick = random.Random("letter")  # noqa: S311  looks, not secrets
    while len(text) < LONGEST - len(CLOSING) - 120:
        sight = pick.choice(SIGHTS).format(size=f"{pick.uniform(2, 19):.1f}", page=pick.randint(2, 40))
        text += f"\n{pick.randint(18, 22)}:{pick.randint(0, 59):02d}. {sight[0].upper()}{sight[1:]}."
    text += CLOSING
    return text + "." * (LONGEST - len(text))
