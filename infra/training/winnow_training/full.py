"""Fine-tunes MiniLM on all tasks at once: one encoder, one head a task, batches of the tasks interleaved."""

from __future__ import annotations

import math
import random
import time
from collections.abc import Callable
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from . import augment, data, router_data
from .batches import by_length, pad
from .encoder import Encoder, pretrained
from .tasks import (CLAUSE_TYPE, INTENT, ISSUE_TYPE, OUT_OF_SCOPE, PAYLOAD, PROMPT_ATTACK, ROUTE, ROUTE_LABELS, SEED,
                    TEXT_TASKS, UNFAIR_TERM, Task, max_tokens)
from .tokenizer import full_tokenizer

OUTSIDE = -1  # the target of an utterance that no intent covers
_TOKEN_DROP = 0.05


@dataclass(frozen=True)
class Plan:
    """How often and in what portions a task is seen."""

    epochs: int
    batch: int
    positive_weight: float = 1.0


PLANS: dict[str, Plan] = {
    INTENT.key: Plan(epochs=4, batch=48),
    CLAUSE_TYPE.key: Plan(epochs=6, batch=32),
    UNFAIR_TERM.key: Plan(epochs=3, batch=32, positive_weight=2.0),
    PAYLOAD.key: Plan(epochs=1, batch=48),
    PROMPT_ATTACK.key: Plan(epochs=5, batch=16),
    ISSUE_TYPE.key: Plan(epochs=3, batch=16),
    ROUTE: Plan(epochs=1, batch=48),
}
_ROUTE_ITEMS = 20000

Row = tuple[str, "int | list[float]"]


def head_sizes() -> dict[str, int]:
    return {task.key: len(data.labels(task)) for task in TEXT_TASKS} | {ROUTE: len(ROUTE_LABELS)}


def rows(key: str, epoch: int) -> list[Row]:
    """One epoch's texts and targets of a task."""
    chance = random.Random(f"{SEED} {key} {epoch}")
    if key == ROUTE:
        items = router_data.build("train")[:_ROUTE_ITEMS]
        return [(item.text, [float(label in item.tasks) for label in ROUTE_LABELS]) for item in items]
    task = next(task for task in TEXT_TASKS if task.key == key)
    index = {label: number for number, label in enumerate(data.labels(task))}
    chosen = [(item.text, index.get(item.label, OUTSIDE)) for item in data.load(task, "train")]
    return _SHAPERS.get(task, lambda rows, chance: rows)(chosen, chance)


def _with_outliers(chosen: list[Row], chance: random.Random) -> list[Row]:
    """Out-of-scope is rare in the data, so it is repeated, and small talk is added: no intent covers it either."""
    outside = [row for row in chosen if row[1] == OUTSIDE]
    talk = [item.text for item in data.load(PROMPT_ATTACK, "train") if item.label == "benign"]
    recased = [(augment.recased(text, chance), label) for text, label in chance.sample(chosen, len(chosen) // 10)]
    return chosen + outside * 2 + recased + [(text, OUTSIDE) for text in chance.sample(talk, 250)]


def _balanced_payloads(chosen: list[Row], chance: random.Random) -> list[Row]:
    """Half of the many, all of the few several times, and a third of them embedded as a request carries them."""
    counts: dict[object, int] = {}
    for _, label in chosen:
        counts[label] = counts.get(label, 0) + 1
    kept = [row for row in chosen if counts[row[1]] < 1000 or chance.random() < 0.5]
    kept += [row for row in chosen if counts[row[1]] < 1000 for _ in range(3)]
    return [(augment.embed_payload(text, chance), label) if chance.random() < 0.33 else (text, label)
            for text, label in kept]


_SHAPERS: dict[Task, Callable[[list[Row], random.Random], list[Row]]] = {
    INTENT: _with_outliers, PAYLOAD: _balanced_payloads,
}


def loss(key: str, logits: Tensor, target: Tensor, gate: Tensor) -> Tensor:
    """Cross entropy; for intents among those in scope, with the gate learned beside it from the energy."""
    if key == ROUTE:
        return F.binary_cross_entropy_with_logits(logits, target)
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


def schedule() -> list[tuple[str, int, list[int]]]:
    """(task, epoch, row numbers) of every step, each task spread evenly over the whole run."""
    chance = random.Random(SEED)
    steps = []
    for key, plan in PLANS.items():
        batches = []
        for epoch in range(plan.epochs):
            lengths = [min(len(text) // 4, max_tokens(key)) for text, _ in rows(key, epoch)]
            batches += [(key, epoch, batch) for batch in by_length(lengths, plan.batch, chance)]
        steps += [((number + chance.random()) / len(batches), batch) for number, batch in enumerate(batches)]
    return [batch for _, batch in sorted(steps, key=lambda step: step[0])]


def train() -> Encoder:
    """- Produces: the fp32 model; its dropout is off."""
    torch.manual_seed(SEED)
    tokenizer = full_tokenizer()
    model = pretrained(head_sizes()).train()
    model.word.weight.requires_grad_(False)  # most pieces are rare here: training them only forgets
    gate = nn.Parameter(torch.tensor(5.0))
    body = [p for name, p in model.named_parameters() if p.requires_grad and not name.startswith("heads")]
    optimizer = torch.optim.AdamW([{"params": body, "lr": 1e-4}, {"params": [*model.heads.parameters(), gate], "lr": 1e-3}],
                                  weight_decay=0.01)
    steps = schedule()
    scale = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: warm_cosine(step, len(steps)))
    loaded: dict[str, tuple[int, list[list[int]], list]] = {}
    start, seen, mean = time.monotonic(), 0, {}
    for number, (key, epoch, batch) in enumerate(steps):
        if key not in loaded or loaded[key][0] != epoch:
            texts, targets = zip(*rows(key, epoch))
            loaded[key] = (epoch, tokenizer.encode(texts, max_tokens(key)), list(targets))
        _, encoded, targets = loaded[key]
        ids, mask = pad([_dropped(encoded[row]) for row in batch])
        with torch.autocast("cpu", torch.bfloat16):
            logits = model(ids, mask, key)
        value = loss(key, logits.float(), torch.tensor([targets[row] for row in batch]), gate)
        optimizer.zero_grad(set_to_none=True)
        value.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        scale.step()
        seen += int(mask.sum())
        mean[key] = 0.95 * mean.get(key, value.item()) + 0.05 * value.item()
        if number % 200 == 0:
            print(f"  step {number}/{len(steps)} {time.monotonic() - start:.0f} s {seen} tokens "
                  + " ".join(f"{name.split('/')[1]}={mean[name]:.3f}" for name in sorted(mean)), flush=True)
    return model.eval()


def warm_cosine(step: int, total: int, warm: float = 0.06) -> float:
    if step < warm * total:
        return (step + 1) / (warm * total)
    return 0.02 + 0.98 * 0.5 * (1 + math.cos(math.pi * (step - warm * total) / ((1 - warm) * total)))


def _dropped(tokens: list[int]) -> list[int]:
    """A few pieces left out, so that no text is seen twice alike."""
    if len(tokens) < 12:
        return tokens
    inner = [token for token in tokens[1:-1] if random.random() >= _TOKEN_DROP]
    return [tokens[0], *inner, tokens[-1]]
