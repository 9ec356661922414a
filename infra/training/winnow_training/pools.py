"""The texts that a small model learns from: its tasks' own texts, and noisy copies that the full model labels.

Two models disagree mostly at the decision boundaries, where training texts are rare. The teacher needs no labels, so texts near
the boundaries can be generated.
"""

from __future__ import annotations

import random
from dataclasses import dataclass

from . import augment, data, documentation, realistic
from .tasks import BY_KEY, CLAUSE_TYPE, INTENT, ISSUE_TYPE, PAYLOAD, PROMPT_ATTACK, SEED, UNFAIR_TERM, UTTERANCE, Task

UNLABELLED = -1
_CONCEALED = 8000


@dataclass(frozen=True)
class Amounts:
    """The number of copies of each training text, and the number of texts of other tasks."""

    noisy: int
    stretches: int
    spliced: float
    segments: int
    foreign: int


_AMOUNTS: dict[str, Amounts] = {
    INTENT.key: Amounts(noisy=3, stretches=0, spliced=1.2, segments=0, foreign=12500),
    CLAUSE_TYPE.key: Amounts(noisy=8, stretches=0, spliced=6.0, segments=5000, foreign=6000),
    UNFAIR_TERM.key: Amounts(noisy=2, stretches=0, spliced=1.0, segments=1500, foreign=3500),
    PAYLOAD.key: Amounts(noisy=0, stretches=0, spliced=0.3, segments=0, foreign=0),
    PROMPT_ATTACK.key: Amounts(noisy=7, stretches=0, spliced=3.0, segments=3000, foreign=4000),
    ISSUE_TYPE.key: Amounts(noisy=6, stretches=10, spliced=12.0, segments=3000, foreign=0),
}


@dataclass(frozen=True)
class Pool:
    texts: list[str]
    labels: list[int]


def build(key: str, part: str = "") -> Pool:
    """- Parameter part: `taught` for texts that exits learn from, `untaught` for the others, empty for all."""
    chance = random.Random(f"{SEED} pool {key}{part}")
    task, amounts = BY_KEY[key], _AMOUNTS[key]
    index = {label: number for number, label in enumerate(data.labels(task))}
    items = [item for item in data.load(task, "train") if not part or data.is_untaught(item.text) == (part == "untaught")]
    texts = [item.text for item in items]
    rows = [(item.text, index.get(item.label, UNLABELLED)) for item in items]
    made = _copies(texts, amounts, _words(texts, chance), chance)
    foreign = [] if part == "untaught" else _foreign(task)
    made += chance.sample(foreign, min(len(foreign), amounts.foreign))
    if task is PAYLOAD:
        rows += [(augment.embed_payload(text, chance), label) for text, label in chance.sample(rows, len(rows) // 2)]
        common = _common(rows)
        rare = [row for row in rows if row[1] not in common]
        aimed = [(augment.aimed_traversal(text, chance), label) for text, label in rare for _ in range(3)]
        rows += aimed + [(augment.embed_payload(text, chance), label) for text, label in aimed]
    if task is INTENT:
        made += [augment.recased(text, chance) for text in chance.sample(texts, min(len(texts), 4000))]
    if task is ISSUE_TYPE and not part:
        made += _documented(texts)
    found = realistic.items(task, 1, random.Random(f"{SEED} pool {key}"), "pool")
    rows += [(item.text, index.get(item.label, UNLABELLED)) for item in found
             if not part or data.is_untaught(item.text) == (part == "untaught")]
    concealed = _concealed(rows, index, random.Random(f"{SEED} concealed {part}")) if task is PAYLOAD else []
    return Pool([text for text, _ in rows] + made + [text for text, _ in concealed],
                [label for _, label in rows] + [UNLABELLED] * len(made) + [label for _, label in concealed])


def _concealed(rows: list[tuple[str, int]], index: dict[str, int], chance: random.Random) -> list[tuple[str, int]]:
    """Attacks among harmless words. The model has learned that prose is benign, and must not learn that prose excuses all."""
    attacks = [row for row in rows if row[1] not in (UNLABELLED, index["benign"]) and len(row[0]) <= 200]
    values = [text for text, label in rows if label == index["benign"]]
    prose = [item.text for other in (INTENT, ISSUE_TYPE, UNFAIR_TERM) for item in data.load(other, "train")]
    return [(augment.hidden(text, chance.choice(chance.choice((values, prose, prose))), chance), label)
            for text, label in chance.choices(attacks, k=_CONCEALED)]


def _words(texts: list[str], chance: random.Random) -> list[str]:
    return [word for text in chance.sample(texts, min(len(texts), 2000)) for word in text.split()[:60]]


def _copies(texts: list[str], amounts: Amounts, words: list[str], chance: random.Random) -> list[str]:
    made = [augment.noisy(text, words, chance) for text in texts for _ in range(amounts.noisy)]
    made += [augment.spliced(*chance.sample(texts, 2), chance) for _ in range(int(amounts.spliced * len(texts)))]
    cut = [part for text in texts for part in augment.segments(text) if part != text]
    made += chance.sample(cut, min(len(cut), amounts.segments))
    return made + [augment.stretch(text, chance) for text in texts if augment.is_long(text) for _ in range(amounts.stretches)]


def _common(rows: list[tuple[str, int]]) -> set[int]:
    labels = [label for _, label in rows]
    return {label for label in set(labels) if labels.count(label) > 0.1 * len(labels)}


def _foreign(task: Task) -> list[str]:
    """Unlabelled texts that the router may send to this task."""
    if task is INTENT:
        talk = [item.text for item in data.load(PROMPT_ATTACK, "train") if len(item.text.split()) < 25]
        return [item.text for item in data.load(UTTERANCE, "train")] + talk
    if task is PROMPT_ATTACK:
        return [item.text for other in (INTENT, ISSUE_TYPE) for item in data.load(other, "train")[:3000]]
    other = {CLAUSE_TYPE: UNFAIR_TERM, UNFAIR_TERM: CLAUSE_TYPE}.get(task)
    return [item.text for item in data.load(other, "train")] if other else []


def _documented(texts: list[str]) -> list[str]:
    """Docstrings, and docstrings spliced with issues, because a thousand issues do not contain the vocabulary of software."""
    chance = random.Random(5)  # a separate generator, so that the draws of the copies above do not change
    alone, behind, before = 6000, 4000, 4000
    chosen = chance.sample(documentation.docstrings(), alone + behind + before)
    made = chosen[:alone]
    made += [augment.spliced(chance.choice(texts), text, chance) for text in chosen[alone : alone + behind]]
    return made + [augment.spliced(text, chance.choice(texts), chance) for text in chosen[alone + behind :]]
