"""Joins utterances at random, learns to split them again, and measures how often the split is exact."""

from __future__ import annotations

import random
from dataclasses import dataclass, replace

import numpy as np
from scipy.sparse import csr_matrix
from sklearn.linear_model import LogisticRegression

from . import calibration, data
from .splitter import BUCKETS, Sentence, Splitter, bucket, features
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


def fit_temperature(splitter: Splitter, examples: list[Compound]) -> Splitter:
    """The temperature that makes a candidate's probability the rate at which such candidates are cuts."""
    scores, cuts = [], []
    for example in examples:
        sentence = Sentence.parse(example.text)
        scores += splitter.scores(sentence)
        cuts += _true_cuts(sentence, example.parts)
    signed = np.where(cuts, scores, -np.array(scores))
    temperature = calibration.fit_temperature(lambda t: float(np.logaddexp(0, -signed / t).mean()))
    return replace(splitter, temperature=temperature)


def train(count: int = 250000) -> Splitter:
    rows, columns, targets = [], [], []
    for compound in compounds("train", count, "splitter train"):
        sentence = Sentence.parse(compound.text)
        truth = _true_cuts(sentence, compound.parts)
        for number, cut in enumerate(truth):
            found = [bucket(feature) for feature in features(sentence, number)]
            rows += [len(targets)] * len(found)
            columns += found
            targets.append(cut)
    matrix = csr_matrix((np.ones(len(rows), np.float32), (rows, columns)), shape=(len(targets), BUCKETS))
    fitted = LogisticRegression(C=0.3, max_iter=300, tol=1e-3).fit(matrix, targets)
    return Splitter(fitted.coef_[0].astype(np.float32), float(np.float32(fitted.intercept_[0])))


def _true_cuts(sentence: Sentence, parts: tuple[str, ...]) -> list[bool]:
    """Labels of the candidates. A candidate is a true cut if it covers the tokens between two parts."""
    starts, at = set(), 0
    for part in parts:
        at = sentence.text.index(part.encode(), at)
        starts.add(at)
        at += len(part.encode())
    return [sentence.spans[candidate.end][0] in starts for candidate in sentence.candidates]


def measure(splitter: Splitter, examples: list[Compound]) -> dict[str, float]:
    """Exact matches over all texts, by number of parts, and over single utterances with a candidate."""
    exact = [(example, splitter.split(example.text) == list(example.parts)) for example in examples]

    def share(chosen: list[bool]) -> float:
        return round(sum(chosen) / max(1, len(chosen)), 4)

    return {
        "exactMatch": share([hit for _, hit in exact]),
        "items": len(exact),
        **{f"exactMatch{n}Parts": share([hit for e, hit in exact if len(e.parts) == n]) for n in (1, 2, 3)},
        "exactMatchUtterance": share([hit for e, hit in exact if e.kind == "utterance"]),
        "exactMatchMixed": share([hit for e, hit in exact if e.kind == "mixed"]),
        "exactMatchSingleWithCandidate": share([hit for e, hit in exact
                                                if len(e.parts) == 1 and Sentence.parse(e.text).candidates]),
    }
