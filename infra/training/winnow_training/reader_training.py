"""Trains the reader on the full encoder."""

from __future__ import annotations

import json
import random
import sys
import time
from collections import Counter
from collections.abc import Sequence

import torch
from torch import nn

from . import forms, requests
from .artifact import Artifact
from .batches import by_length
from .encoder import pretrained
from .full import warm_cosine
from .reader import Found, Lesson, Reader, lessons, loss, read
from .requests import Request
from .splitter_training import compounds, plain_compounds
from .tasks import ROUTE_LABELS, SEED
from .tokenizer import Tokenizer, full_tokenizer


def matched(request: Request, found: dict[str | None, list[Found]], threshold: float = 0.0) -> Counter[str]:
    """As ../shared/score_requests.py does without labels: same source and route, and an overlap of at least half of the union."""
    count: Counter[str] = Counter()
    for source in request.sources:
        gold = [(span.start, span.end, route) for span in source.spans for route in span.routes]
        given = [(item.start, item.end, label) for item in found.get(source.name, [])
                 for label, logit in zip(ROUTE_LABELS, item.routes, strict=True) if logit > threshold]
        pairs = sorted(((_overlap(a, b), i, j) for i, a in enumerate(gold) for j, b in enumerate(given)), reverse=True)
        left, right = set(), set()
        for share, i, j in pairs:
            if share >= 0.5 and i not in left and j not in right:
                left.add(i)
                right.add(j)
        count.update(gold=len(gold), given=len(given), matched=len(left))
        count.update(f"missed {gold[i][2]}" for i in range(len(gold)) if i not in left)
        count.update(f"surplus {given[j][2]}" for j in range(len(given)) if j not in right)
    count["whole"] += count["gold"] == count["given"] == count["matched"]
    return count


def _overlap(a: tuple[int, int, str], b: tuple[int, int, str]) -> float:
    if a[2] != b[2]:
        return 0.0
    return max(0, min(a[1], b[1]) - max(a[0], b[0])) / (max(a[1], b[1]) - min(a[0], b[0]) or 1)


def evaluate(model: Reader, corpus: Sequence[Request], tokenizer: Tokenizer, threshold: float = 0.0) -> dict[str, object]:
    totals: dict[str, Counter[str]] = {"en": Counter(), "other": Counter()}
    for request in corpus:
        total = totals["en" if request.language == "en" else "other"]
        total.update(matched(request, read(model, request, tokenizer), threshold))
        total["requests"] += 1
    report: dict[str, object] = {}
    for name, total in totals.items():
        recall, precision = total["matched"] / max(1, total["gold"]), total["matched"] / max(1, total["given"])
        report[name] = {"recall": round(recall, 3), "precision": round(precision, 3),
                        "f1": round(2 * recall * precision / max(1e-9, recall + precision), 3),
                        "whole": round(total["whole"] / max(1, total["requests"]), 3)}
    report["faults"] = {key: value for key, value in totals["en"].most_common() if key.startswith(("missed", "surplus"))}
    return report


def exact_joins(model: Reader, tokenizer: Tokenizer, count: int = 600) -> dict[str, float]:
    """The share of joined validation utterances that come out as they were, and of single ones that are cut."""
    report = {}
    for name, made in (("plain", plain_compounds("val", count)), ("varied", compounds("val", count, "reader"))):
        right: Counter[int] = Counter()
        for compound in made:
            request = requests.of_compound("", compound.text, compound.parts)
            items = read(model, request, tokenizer)[None]
            spans = request.sources[0].spans
            right[len(spans)] += len(items) == len(spans) and all(
                compound.text[item.start : item.end].removeprefix("also ").strip(" .?!,;") == part.strip(" .?!,;")
                for item, part in zip(items, compound.parts, strict=True))
        sizes = Counter(len(compound.parts) for compound in made)
        report |= {f"{name} {size}": round(right[size] / sizes[size], 4) for size in sorted(sizes)}
    return report


def train(model: Reader, tokenizer: Tokenizer, epochs: int, copies: int, joined: int, formed: int, rate: float = 1e-4, size: int = 16) -> None:
    torch.manual_seed(SEED)
    random.seed(SEED)
    made: list[list[Lesson]] = []
    for epoch in range(epochs):
        made.append(lessons([*requests.copies(copies, str(epoch)), *requests.joined(joined, str(epoch)),
                             *forms.made(formed, str(epoch))], tokenizer))
    model.encoder.word.weight.requires_grad_(False)
    heads = [*model.tag.parameters(), *model.route.parameters(), *model.mark.parameters()]
    trunk = [p for name, p in model.encoder.named_parameters() if p.requires_grad and not name.startswith("heads")]
    optimizer = torch.optim.AdamW([{"params": trunk, "lr": rate}, {"params": heads, "lr": 10 * rate}], weight_decay=0.01)
    batches = [(epoch, rows) for epoch, own in enumerate(made)
               for rows in by_length([len(one.window.ids) for one in own], size, random.Random(epoch))]
    scale = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: warm_cosine(step, len(batches)))
    start, mean, last = time.monotonic(), [0.0, 0.0], -1
    for number, (epoch, rows) in enumerate(batches):
        if epoch != last and last >= 0:
            print(f"epoch {last}", json.dumps(evaluate(model, requests.load(requests.VALIDATED), tokenizer)), flush=True)
        last = epoch
        model.train()
        tagged, routed = loss(model, [made[epoch][row] for row in rows])
        optimizer.zero_grad(set_to_none=True)
        (tagged + 2 * routed).backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        scale.step()
        mean = [0.95 * a + 0.05 * b.item() for a, b in zip(mean, (tagged, routed), strict=True)]
        if number % 25 == 0:
            print(f"  {number}/{len(batches)} {time.monotonic() - start:.0f} s tags {mean[0]:.3f} routes {mean[1]:.3f}", flush=True)
    print("end", json.dumps(evaluate(model, requests.load(requests.VALIDATED), tokenizer)), flush=True)


if __name__ == "__main__":
    torch.set_num_threads(2)
    options = dict(word.split("=") for word in sys.argv[1:])
    reader = Reader(Artifact.load("full").as_trained() if options.get("init") == "full" else pretrained({}))
    for layer in (reader.encoder, *reader.encoder.modules()):
        if isinstance(layer, nn.Dropout):
            layer.p = 0.1
    train(reader, full_tokenizer(), int(options.get("epochs", 4)), int(options.get("copies", 840)), int(options.get("joined", 300)),
          int(options.get("formed", 400)))
    print(json.dumps(exact_joins(reader, full_tokenizer())))
    torch.save(reader.state_dict(), options.get("out", "/tmp/reader.pt"))
