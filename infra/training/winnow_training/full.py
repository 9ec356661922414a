"""Fine-tunes MiniLM on all tasks at once: one encoder, one head for each task, batches of the tasks interleaved."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from . import augment, data, processor
from .batches import by_length, pad
from .descent import Descent, groups_of
from .encoder import Encoder, pretrained
from .tasks import CLAUSE_TYPE, INTENT, ISSUE_TYPE, PAYLOAD, PROMPT_ATTACK, SEED, TEXT_TASKS, UNFAIR_TERM, Task, max_tokens
from .tokenizer import full_tokenizer

OUTSIDE = -1  # the target of an utterance that no intent covers
_TOKEN_DROP = 0.05


@dataclass(frozen=True)
class Plan:
    """The number of epochs and the batches of a task."""

    epochs: int
    batch: int
    positive_weight: float = 1.0
    share: float = 1.0  # the share of the batches in each epoch


PLANS: dict[str, Plan] = {
    INTENT.key: Plan(epochs=4, batch=48),
    CLAUSE_TYPE.key: Plan(epochs=6, batch=32),
    UNFAIR_TERM.key: Plan(epochs=3, batch=32, positive_weight=2.0),
    PAYLOAD.key: Plan(epochs=1, batch=48),
    PROMPT_ATTACK.key: Plan(epochs=5, batch=16),
    ISSUE_TYPE.key: Plan(epochs=3, batch=16),
}
_FIRST_STEPS = 4000  # steps of the schedule above: at that point the rate is a fifteenth
# A second part with a lower rate: long texts with few examples need more epochs. Other tasks continue so that none is forgotten.
SECOND: dict[str, Plan] = {
    INTENT.key: Plan(epochs=1, batch=48, share=0.5),
    CLAUSE_TYPE.key: Plan(epochs=3, batch=32),
    UNFAIR_TERM.key: Plan(epochs=1, batch=32, positive_weight=2.0, share=0.5),
    PAYLOAD.key: Plan(epochs=1, batch=48, share=0.2),
    PROMPT_ATTACK.key: Plan(epochs=1, batch=16),
    ISSUE_TYPE.key: Plan(epochs=6, batch=16),
}
# the weight of SVMs' out-of-fold answers in the targets, for tasks in which a bag of words is as good as the encoder
SECOND_OPINION: dict[str, float] = {CLAUSE_TYPE.key: 0.45, ISSUE_TYPE.key: 0.65}
_OPENING = 48  # pieces of a long text that are always included, such as an issue's title

Row = tuple[str, "int | list[float]"]
Step = tuple[str, int, list[int]]
Opinions = dict[str, np.ndarray]  # `baseline.out_of_fold` of the tasks of SECOND_OPINION


def head_sizes() -> dict[str, int]:
    return {task.key: len(data.labels(task)) for task in TEXT_TASKS}


def rows(key: str, epoch: int) -> list[Row]:
    """One epoch's texts and targets of a task."""
    chance = random.Random(f"{SEED} {key} {epoch}")
    task = next(task for task in TEXT_TASKS if task.key == key)
    index = {label: number for number, label in enumerate(data.labels(task))}
    chosen = [(item.text, index.get(item.label, OUTSIDE)) for item in data.load(task, "train")]
    return _SHAPERS.get(task, lambda rows, chance: rows)(chosen, chance)


def _with_outliers(chosen: list[Row], chance: random.Random) -> list[Row]:
    """Repeats out-of-scope texts, which are rare in the data, and adds small talk, which no intent covers either."""
    outside = [row for row in chosen if row[1] == OUTSIDE]
    talk = [item.text for item in data.load(PROMPT_ATTACK, "train") if item.label == "benign"]
    recased = [(augment.recased(text, chance), label) for text, label in chance.sample(chosen, len(chosen) // 10)]
    return chosen + outside * 2 + recased + [(text, OUTSIDE) for text in chance.sample(talk, 250)]


def _balanced_payloads(chosen: list[Row], chance: random.Random) -> list[Row]:
    """Half of the frequent label, all of the rare label several times, and a third of them embedded as in a request."""
    counts: dict[object, int] = {}
    for _, label in chosen:
        counts[label] = counts.get(label, 0) + 1
    kept = [row for row in chosen if counts[row[1]] < 1000 or chance.random() < 0.5]
    kept += [(augment.aimed_traversal(text, chance), label) for text, label in chosen if counts[label] < 1000 for _ in range(4)]
    return [(augment.embed_payload(text, chance), label) if chance.random() < 0.33 else (text, label)
            for text, label in kept]


_SHAPERS: dict[Task, Callable[[list[Row], random.Random], list[Row]]] = {
    INTENT: _with_outliers, PAYLOAD: _balanced_payloads,
}


def loss(key: str, logits: Tensor, target: Tensor, gate: Tensor) -> Tensor:
    """Cross entropy. For intents only over texts in scope, plus a loss for the gate on the energy."""
    if key == UNFAIR_TERM.key:
        return F.cross_entropy(logits, target, weight=torch.tensor([1.0, PLANS[key].positive_weight]))
    if key != INTENT.key:
        return F.cross_entropy(logits, target)
    outside = (target == OUTSIDE).float()
    energy = logits.logsumexp(1)
    gated = F.binary_cross_entropy_with_logits(gate - energy, outside)
    inside = target != OUTSIDE
    classed = F.cross_entropy(logits[inside], target[inside]) if inside.any() else 0.0
    return classed + 0.5 * gated


def schedule(plans: dict[str, Plan], first_epoch: int = 0) -> list[Step]:
    """(task, epoch, row numbers) of every step, each task spread evenly over the whole part."""
    chance = random.Random(SEED + first_epoch)
    steps = []
    for key, plan in plans.items():
        batches: list[Step] = []
        for epoch in range(first_epoch, first_epoch + plan.epochs):
            lengths = [min(len(text) // 4, max_tokens(key)) for text, _ in rows(key, epoch)]
            found = by_length(lengths, plan.batch, chance)
            batches += [(key, epoch, batch) for batch in found[: round(plan.share * len(found))]]
        steps += [((number + chance.random()) / len(batches), batch) for number, batch in enumerate(batches)]
    return [batch for _, batch in sorted(steps, key=lambda step: step[0])]


def first_part(opinions: Opinions) -> Encoder:
    model = pretrained(head_sizes())
    steps = schedule(PLANS)
    _train(model, steps[:_FIRST_STEPS], len(steps), 1e-4, opinions)
    return model.eval()


def second_part(model: Encoder, opinions: Opinions) -> Encoder:
    steps = schedule(SECOND, first_epoch=100)
    _train(model, steps, len(steps), 5e-5, opinions)
    return model.eval()


def mean(*weights: dict[str, Tensor]) -> dict[str, Tensor]:
    """The mean of several models of one training run, which generalizes better than the last one."""
    return {name: torch.stack([part[name] for part in weights]).mean(0) for name in weights[0]}


def _train(model: Encoder, steps: list[Step], total: int, rate: float, opinions: Opinions) -> None:
    """- Parameter total: the number of steps of the learning rate's cosine."""
    tokenizer = full_tokenizer()
    model.train()
    model.word.weight.requires_grad_(False)  # most pieces are rare in this data, and training them would only degrade them
    gate = nn.Parameter(torch.tensor(5.0))
    body = [p for name, p in model.named_parameters() if p.requires_grad and not name.startswith("heads")]
    descent = Descent(groups_of(body, [*model.heads.parameters(), gate], rate), list(model.parameters()), total)
    loaded: dict[str, tuple[int, list[list[int]], list]] = {}
    start, seen, losses = time.monotonic(), 0, {}
    for number, (key, epoch, batch) in enumerate(steps):
        if key not in loaded or loaded[key][0] != epoch:
            texts, targets = zip(*rows(key, epoch))
            if key in SECOND_OPINION:
                targets = _blended(targets, opinions[key], SECOND_OPINION[key])
            loaded[key] = (epoch, tokenizer.encode(texts, 2 * max_tokens(key)), list(targets))
        _, encoded, targets = loaded[key]
        ids, mask = pad([view(encoded[row], max_tokens(key)) for row in batch])
        with processor.autocast():
            logits = model(ids, mask, key)
        value = loss(key, logits.float(), torch.tensor([targets[row] for row in batch]), gate)
        descent.step(value)
        seen += int(mask.sum())
        losses[key] = 0.95 * losses.get(key, value.item()) + 0.05 * value.item()
        if number % 200 == 0:
            print(f"  step {number}/{len(steps)} {time.monotonic() - start:.0f} s {seen} tokens "
                  + " ".join(f"{name.split('/')[1]}={losses[name]:.3f}" for name in sorted(losses)), flush=True)


def _blended(targets: Sequence[int], opinions: np.ndarray, weight: float) -> list[list[float]]:
    certain = np.eye(opinions.shape[1])[list(targets)]
    return ((1 - weight) * certain + weight * opinions).tolist()


def view(tokens: list[int], limit: int) -> list[int]:
    """Drops a few pieces, and sometimes uses another part of a long text, so that no text occurs twice unchanged."""
    inner = tokens[1:-1]
    if len(inner) >= 12:
        inner = [token for token in inner if random.random() >= _TOKEN_DROP]
    spare = len(inner) - (limit - 2)
    if spare > 0 and limit > 2 * _OPENING and random.random() < 0.5:
        at = _OPENING + random.randrange(spare + 1)
        inner = inner[:_OPENING] + inner[at:]
    return [tokens[0], *inner[: limit - 2], tokens[-1]]
