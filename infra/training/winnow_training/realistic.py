"""Texts of a task as people and other tools write them: items of real requests, lines of logs, attacks of other origins; and beside
them harmless texts of other kinds. One half without the other makes a model sure of strangers.
"""

from __future__ import annotations

import random
from collections.abc import Sequence

from . import augment, data, forms, requests
from .tasks import CLAUSE_TYPE, INTENT, ISSUE_TYPE, OUT_OF_SCOPE, PAYLOAD, PROMPT_ATTACK, UNFAIR_TERM, Task

_HARMLESS, _OUTSIDE = 900, 600  # other tasks' texts: harmless ones for security, and such that no intent covers
_OTHERS = (ISSUE_TYPE, CLAUSE_TYPE, UNFAIR_TERM, PROMPT_ATTACK, PAYLOAD)


def items(task: Task, times: int, chance: random.Random, seed: str) -> list[data.Item]:
    """- Parameter times: how often the items of requests are repeated, which are few."""
    chosen = requests.labelled(task.key) * times
    if task is INTENT:
        chosen += [item for item in data.load(task, "train") if item.label == OUT_OF_SCOPE]
        strange = [*requests.parts(lambda _, span: not span.routes), *_texts(chance, _OTHERS, _OUTSIDE)]
        chosen += [data.Item(text[:200], OUT_OF_SCOPE) for text in strange if text]
    if task is PAYLOAD:
        chosen += list(data.extra(task)) + forms.payload_lines(1200, seed) + _harmless(chance, (INTENT, ISSUE_TYPE, UNFAIR_TERM))
    if task is PROMPT_ATTACK:
        chosen += [item for item in data.extra(task) if chance.random() < 0.7]
        chosen += _harmless(chance, (INTENT, ISSUE_TYPE, UNFAIR_TERM, CLAUSE_TYPE))
        # Texts of other languages that nobody asked to check.
        chosen += [data.Item(text, "benign") for text in requests.parts(lambda request, span: request.language != "en" and span.routes <= {INTENT.key})]
    return chosen


def _texts(chance: random.Random, tasks: Sequence[Task], count: int) -> list[str]:
    return [item.text for task in tasks for item in chance.sample(data.load(task, "train"), count // len(tasks))]


def _harmless(chance: random.Random, tasks: Sequence[Task]) -> list[data.Item]:
    """Whole texts, their titles or first words, and with a sentence's case and end."""
    shapes = (lambda text: text, lambda text: text.split(" . ")[0], lambda text: text[: chance.randint(20, 120)],
              lambda text: augment.recased(text, chance))
    return [data.Item(chance.choice(shapes)(text), "benign") for text in _texts(chance, tasks, _HARMLESS)]
