"""A task that no model of Winnow knows: which team of a bicycle workshop a customer's ticket is for.

The texts are made here, always the same, so that nothing has to be downloaded and no text is known from elsewhere.
"""

from __future__ import annotations

import random
from collections.abc import Iterator

CAPABILITY, TASK = "bicycle-workshop", "team"
ROUTE = f"{CAPABILITY}/{TASK}"

# The words by which a ticket is recognized. The team of what has none of them is the front desk.
WORDS = {
    "brakes": ["brake lever", "brake pads", "disc rotor", "brake caliper", "brake cable"],
    "gears": ["derailleur", "chain", "shifter", "cassette", "gear cable"],
    "wheels": ["tyre", "spokes", "rim", "hub", "inner tube"],
}
FRONT_DESK = "front desk"
LABELS = {
    "brakes": "Something of the brakes is worn, loose or noisy.",
    "gears": "Something of the gears or of the chain does not shift or run as it should.",
    "wheels": "Something of a wheel is bent, loose or flat.",
    FRONT_DESK: "Is about anything else.",
}
_OTHERS = ["saddle", "bell", "front light", "basket", "kickstand", "luggage rack", "lock", "handlebar tape"]
_BIKES = ["my touring bike", "my city bike", "our cargo bike", "my mountain bike", "my racing bike", "my folding bike", "my e-bike",
          "our tandem", "my gravel bike", "my daughter's bike", "my father's bike", "the rental bike"]
_SYMPTOMS = ["squeaks", "is loose", "rattles", "came off", "looks worn", "is bent", "makes a grinding noise", "got stuck",
             "slips", "is cracked", "rubs against the frame", "feels wobbly"]
_TIMES = ["since the ride on Sunday", "after the rain", "when I go downhill", "every few metres", "since last week",
          "on my way to work", "after I fell on it", "when it is cold", "although it is new", "again", "all the time",
          "since your last inspection"]


def team(text: str, rule: str) -> str:
    """What the workshop's language model answers: the team whose word comes first in the ticket.

    The rule `drifted` sends what was for the gears to the wheels, as if the teams had been merged.
    """
    found = [(text.find(word), label) for label, words in WORDS.items() for word in words if word in text]
    label = min(found)[1] if found else FRONT_DESK
    return "wheels" if rule == "drifted" and label == "gears" else label


class Tickets:
    """Tickets of which no two are the same. One in eight names two parts, and is hard."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)
        self._seen: set[str] = set()

    def take(self, count: int) -> list[str]:
        return [next(self) for _ in range(count)]

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        while True:
            text = self._ticket()
            if text not in self._seen:
                self._seen.add(text)
                return text

    def _ticket(self) -> str:
        draw = self._random.choice
        kinds = [*WORDS, FRONT_DESK]
        part = draw(WORDS.get(draw(kinds), _OTHERS))
        if self._random.random() < 1 / 8:
            return (f"Not the {part} of {draw(_BIKES)} {draw(_SYMPTOMS)} {draw(_TIMES)}, "
                    f"it is the {draw(WORDS[draw([*WORDS])])}.")
        return f"The {part} of {draw(_BIKES)} {draw(_SYMPTOMS)} {draw(_TIMES)}."
