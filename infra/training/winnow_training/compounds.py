"""Joins utterances at random, as people join their wishes."""

from __future__ import annotations

import random
from dataclasses import dataclass

from . import data
from .tasks import INTENT, SEED, UTTERANCE

# The words that people write between two requests. Common connectors are as frequent as all others together.
_MIDDLE = (", ", ", ", ", ", ", ", ", ", ", and ", "; ", " and ", ", then ", " then ")
_LAST = (*(" and ",) * 8, *(" and then ",) * 6, ", and ", ", and ", ", and then ", ", and then ", ", then ", " then ", ", ",
         "; ", " and also ", ", also ", ", and also ", " plus ", ", plus ", " & ", "; then ", "; and ",
         " and after that ", ", after that ", ", as well as ", " also ", ", and next ")


@dataclass(frozen=True)
class Compound:
    text: str
    parts: tuple[str, ...]
    kind: str  # utterance, mixed


def compounds(split: str, count: int, seed: str) -> list[Compound]:
    """One to three parts. A third are single utterances, including some with an inner `and`."""
    chance = random.Random(f"{SEED} {seed}")
    utterances = [item.text for item in data.load(UTTERANCE, split)]
    mixed = utterances + [item.text for item in data.load(INTENT, split)]
    made = []
    for _ in range(count):
        kind, pool = ("utterance", utterances) if chance.random() < 0.5 else ("mixed", mixed)
        made.append(_join([chance.choice(pool) for _ in range(chance.randint(1, 3))], kind, chance))
    return made


def _join(texts: list[str], kind: str, chance: random.Random) -> Compound:
    parts = [" ".join(text.split()).strip(" ,;") for text in texts]
    if chance.random() < 0.8:
        parts = [part.rstrip(" .?!,;") or part for part in parts[:-1]] + parts[-1:]
    if chance.random() < 0.6:
        parts = parts[:1] + [part if part.startswith(("I ", "I'")) else part[:1].lower() + part[1:] for part in parts[1:]]
    joints = [chance.choice(_MIDDLE) for _ in parts[2:]] + [chance.choice(_LAST) for _ in parts[1:2]]
    text = parts[0] + "".join(joint + part for joint, part in zip(joints, parts[1:]))
    return Compound(text, tuple(parts), kind)


def plain_compounds(split: str, count: int) -> list[Compound]:
    """`X`, `X and Y`, `X, Y and then Z` without other changes: the simplest joined requests."""
    chance = random.Random(f"{SEED} plain {split}")
    utterances = [item.text.strip() for item in data.load(UTTERANCE, split)]
    mixed = utterances + [item.text.strip() for item in data.load(INTENT, split)]
    made = []
    for _ in range(count):
        kind, pool = ("utterance", utterances) if chance.random() < 0.5 else ("mixed", mixed)
        parts = tuple(chance.choice(pool) for _ in range(chance.randint(1, 3)))
        text = {1: "{0}", 2: "{0} and {1}", 3: "{0}, {1} and then {2}"}[len(parts)].format(*parts)
        made.append(Compound(text, parts, kind))
    return made
