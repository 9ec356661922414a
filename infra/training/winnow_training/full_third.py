"""The third part of the full model's training: it learns to read requests, and meets each task's texts as people write them.

The heads of the tasks go on with a share of the benchmark data, so that nothing is forgotten, and learn the items of realistic
requests, attacks of other tools, and harmless texts of other kinds beside them: one half without the other makes a head sure of
strangers.
"""

from __future__ import annotations

import json
import random
import sys
import time
from collections.abc import Sequence

import torch
from torch import nn

from . import augment, data, forms, requests
from .artifact import Artifact
from .batches import by_length, pad
from .full import OUTSIDE, _view, loss as label_loss, warm_cosine
from .reader import Lesson, Reader, lessons, loss
from .reader_training import evaluate, exact_joins
from .tasks import CLAUSE_TYPE, INTENT, ISSUE_TYPE, OUT_OF_SCOPE, PAYLOAD, PROMPT_ATTACK, SEED, UNFAIR_TERM, Task, max_tokens
from .tokenizer import full_tokenizer

# the share of the benchmark's training texts in an epoch, how often a realistic item is repeated, and the batch
_PLANS: dict[Task, tuple[float, int, int]] = {
    INTENT: (0.35, 4, 48), CLAUSE_TYPE: (0.4, 2, 32), UNFAIR_TERM: (0.35, 4, 32), PAYLOAD: (0.08, 4, 48), PROMPT_ATTACK: (0.6, 4, 16),
    ISSUE_TYPE: (0.8, 4, 16),
}
_HARMLESS = 500  # texts of other kinds in an epoch


def rows(task: Task, epoch: int) -> list[tuple[str, int]]:
    chance = random.Random(f"{SEED} third {task.key} {epoch}")
    share, times, _ = _PLANS[task]
    own = data.load(task, "train")
    chosen = chance.sample(own, round(share * len(own))) + requests.labelled(task.key) * times
    if task is INTENT:
        # Its utterances are in lower case and without punctuation.
        chosen = [data.Item(augment.recased(item.text, chance), item.label) if chance.random() < 0.3 else item for item in chosen]
        chosen += [item for item in own if item.label == OUT_OF_SCOPE]
    if task is PAYLOAD:
        chosen += list(data.extra(task)) + forms.payload_lines(1200, str(epoch)) + _harmless(chance, (INTENT, ISSUE_TYPE, UNFAIR_TERM))
    if task is PROMPT_ATTACK:
        chosen += [item for item in data.extra(task) if chance.random() < 0.7] + _harmless(chance, (INTENT, ISSUE_TYPE, UNFAIR_TERM, CLAUSE_TYPE))
        chosen += [data.Item(text, "benign") for text in _foreign()]
    index = {label: number for number, label in enumerate(data.labels(task))}
    return [(item.text, index.get(item.label, OUTSIDE)) for item in chosen if item.label in index or item.label == OUT_OF_SCOPE]


def _harmless(chance: random.Random, tasks: Sequence[Task]) -> list[data.Item]:
    texts = [item.text for task in tasks for item in chance.sample(data.load(task, "train"), _HARMLESS // len(tasks))]
    return [data.Item(text if chance.random() < 0.5 else text[: chance.randint(20, 120)], "benign") for text in texts]


def _foreign() -> list[str]:
    """Texts of other languages that nobody asked to check."""
    return [source.text[span.start : span.end] for corpus in requests.TRAINED for request in requests.load(corpus)
            if request.language != "en" for source in request.sources for span in source.spans if span.routes <= {INTENT.key}]


def train(reader: Reader, reading: int, labelling: int, rate: float = 7e-5) -> None:
    torch.manual_seed(SEED)
    random.seed(SEED)
    tokenizer, chance = full_tokenizer(), random.Random(SEED)
    read: list[list[Lesson]] = [lessons([*requests.copies(840, str(epoch)), *requests.joined(250, str(epoch)),
                                         *forms.made(350, str(epoch))], tokenizer) for epoch in range(reading)]
    labelled = {(task, epoch): rows(task, epoch) for task in _PLANS for epoch in range(labelling)}
    encoded = {key: tokenizer.encode([text for text, _ in own], 2 * max_tokens(key[0].key)) for key, own in labelled.items()}
    steps: list[tuple[float, Task | None, int, list[int]]] = []
    for task in (None, *_PLANS):
        batches = []
        for epoch in range(reading if task is None else labelling):
            lengths = ([len(one.window.ids) for one in read[epoch]] if task is None else
                       [min(len(tokens), max_tokens(task.key)) for tokens in encoded[task, epoch]])
            batches += [(epoch, batch) for batch in by_length(lengths, 16 if task is None else _PLANS[task][2], chance)]
        steps += [((number + chance.random()) / len(batches), task, epoch, batch) for number, (epoch, batch) in enumerate(batches)]
    steps.sort(key=lambda step: step[0])
    reader.encoder.word.weight.requires_grad_(False)
    gate = nn.Parameter(torch.tensor(5.0))
    heads = [*reader.tag.parameters(), *reader.route.parameters(), *reader.mark.parameters(), *reader.encoder.heads.parameters(), gate]
    body = [p for name, p in reader.encoder.named_parameters() if p.requires_grad and not name.startswith("heads")]
    optimizer = torch.optim.AdamW([{"params": body, "lr": rate}, {"params": heads, "lr": 10 * rate}], weight_decay=0.01, fused=True)
    scale = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: warm_cosine(step, len(steps)))
    start, losses = time.monotonic(), {}
    for number, (_, task, epoch, batch) in enumerate(steps):
        reader.train()
        if task is None:
            tagged, routed = loss(reader, [read[epoch][row] for row in batch])
            value, name = tagged + 2 * routed, "read"
        else:
            ids, mask = pad([_view(encoded[task, epoch][row], max_tokens(task.key)) for row in batch])
            targets = torch.tensor([labelled[task, epoch][row][1] for row in batch])
            value, name = label_loss(task.key, reader.encoder(ids, mask, task.key), targets, gate), task.name
        optimizer.zero_grad(set_to_none=True)
        value.backward()
        nn.utils.clip_grad_norm_(reader.parameters(), 1.0)
        optimizer.step()
        scale.step()
        losses[name] = 0.95 * losses.get(name, value.item()) + 0.05 * value.item()
        if number % 100 == 0:
            print(f"  {number}/{len(steps)} {time.monotonic() - start:.0f} s "
                  + " ".join(f"{name}={losses[name]:.3f}" for name in sorted(losses)), flush=True)
    reader.eval()


def main() -> None:
    torch.set_num_threads(2)
    options = dict(word.split("=") for word in sys.argv[1:])
    encoder = Artifact.load("full").as_trained()
    for module in encoder.modules():
        if isinstance(module, nn.Dropout):
            module.p = 0.1
    reader = Reader(encoder)
    train(reader, int(options.get("reading", 7)), int(options.get("labelling", 2)))
    torch.save(reader.state_dict(), options["out"])
    print(json.dumps(evaluate(reader, requests.load(requests.VALIDATED), full_tokenizer())), flush=True)
    print(json.dumps(exact_joins(reader, full_tokenizer())), flush=True)


if __name__ == "__main__":
    main()
