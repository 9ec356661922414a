"""The third part of the full model's training: it learns to read requests, and meets each task's texts as people write them.

The heads of the tasks go on with a share of the benchmark data, so that nothing is forgotten.
"""

from __future__ import annotations

import random
import time

import torch
from torch import nn

from . import augment, data, forms, processor, realistic, requests
from .batches import by_length, pad
from .descent import Descent, groups_of
from .encoder import Encoder
from .full import OUTSIDE, loss as label_loss, view
from .reader import Lesson, Reader, lessons, loss
from .tasks import CLAUSE_TYPE, INTENT, ISSUE_TYPE, OUT_OF_SCOPE, PAYLOAD, PROMPT_ATTACK, SEED, UNFAIR_TERM, Task, max_tokens
from .tokenizer import full_tokenizer

# the share of the benchmark's training texts in an epoch, how often a realistic item is repeated, and the batch
_PLANS: dict[Task, tuple[float, int, int]] = {
    INTENT: (0.35, 4, 48), CLAUSE_TYPE: (0.4, 2, 32), UNFAIR_TERM: (0.35, 4, 32), PAYLOAD: (0.08, 4, 48), PROMPT_ATTACK: (0.6, 4, 16),
    ISSUE_TYPE: (0.8, 4, 16),
}
_EPOCHS = 2  # of the tasks
_READINGS, _COPIES, _JOINED, _FORMS = 7, 840, 1000, 400  # epochs of requests, and how many of each kind one has


def rows(task: Task, epoch: int) -> list[tuple[str, int]]:
    chance = random.Random(f"{SEED} third {task.key} {epoch}")
    share, times, _ = _PLANS[task]
    own = data.load(task, "train")
    chosen = chance.sample(own, round(share * len(own)))
    if task is INTENT:
        # Its utterances are in lower case and without punctuation.
        chosen = [data.Item(augment.recased(item.text, chance), item.label) if chance.random() < 0.3 else item for item in chosen]
    chosen += realistic.items(task, times, chance, str(epoch))
    index = {label: number for number, label in enumerate(data.labels(task))}
    return [(item.text, index.get(item.label, OUTSIDE)) for item in chosen if item.label in index or item.label == OUT_OF_SCOPE]


def third_part(encoder: Encoder, rate: float = 7e-5) -> Reader:
    """- Parameter encoder: what the first two parts have made."""
    reader = Reader(encoder)
    tokenizer, chance = full_tokenizer(), random.Random(SEED)
    read: list[list[Lesson]] = [lessons([*requests.copies(_COPIES, str(epoch)), *requests.joined(_JOINED, str(epoch)),
                                         *forms.made(_FORMS, str(epoch))], tokenizer) for epoch in range(_READINGS)]
    labelled = {(task, epoch): rows(task, epoch) for task in _PLANS for epoch in range(_EPOCHS)}
    encoded = {key: tokenizer.encode([text for text, _ in own], 2 * max_tokens(key[0].key)) for key, own in labelled.items()}
    steps: list[tuple[float, Task | None, int, list[int]]] = []
    for task in (None, *_PLANS):
        batches = []
        for epoch in range(_READINGS if task is None else _EPOCHS):
            lengths = ([len(one.window.ids) for one in read[epoch]] if task is None else
                       [min(len(tokens), max_tokens(task.key)) for tokens in encoded[task, epoch]])
            batches += [(epoch, batch) for batch in by_length(lengths, 16 if task is None else _PLANS[task][2], chance)]
        steps += [((number + chance.random()) / len(batches), task, epoch, batch) for number, (epoch, batch) in enumerate(batches)]
    steps.sort(key=lambda step: step[0])
    encoder.word.weight.requires_grad_(False)
    gate = nn.Parameter(torch.tensor(5.0))
    heads = [*reader.tag.parameters(), *reader.route.parameters(), *reader.mark.parameters(), *encoder.heads.parameters(), gate]
    body = [p for name, p in encoder.named_parameters() if p.requires_grad and not name.startswith("heads")]
    descent = Descent(groups_of(body, heads, rate), list(reader.parameters()), len(steps))
    start, losses = time.monotonic(), {}
    reader.train()
    for number, (_, task, epoch, batch) in enumerate(steps):
        if task is None:
            tagged, routed = loss(reader, [read[epoch][row] for row in batch])
            value, name = tagged + 2 * routed, "read"
        else:
            ids, mask = pad([view(encoded[task, epoch][row], max_tokens(task.key)) for row in batch])
            targets = torch.tensor([labelled[task, epoch][row][1] for row in batch])
            with processor.autocast():
                logits = encoder(ids, mask, task.key)
            value, name = label_loss(task.key, logits.float(), targets, gate), task.name
        descent.step(value)
        losses[name] = 0.95 * losses.get(name, value.item()) + 0.05 * value.item()
        if number % 100 == 0:
            print(f"  {number}/{len(steps)} {time.monotonic() - start:.0f} s "
                  + " ".join(f"{name}={losses[name]:.3f}" for name in sorted(losses)), flush=True)
    return reader.eval()
