"""Measures what a reader finds in requests, as `../shared/score_requests.py` does, and in joined utterances."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from . import data, requests
from .artifact import Artifact
from .compounds import compounds, plain_compounds
from .decision import MultiLabel
from .reader import Found, QuantizedReader, Reader, in_context, read, state_of
from .requests import Request, Span
from .tasks import REQUESTS, ROUTE_LABELS
from .tokenizer import Tokenizer


def spans_in_context(model: Artifact, corpus: Sequence[Request]) -> Iterator[tuple[Tensor, Span]]:
    """The right items, and the state of each in its context, as the full model reads it for an escalation."""
    runner = QuantizedReader(model.encoder)
    for request in corpus:
        for number, source in enumerate(request.sources):
            for span in source.spans:
                state = state_of(runner, *in_context(request, number, span.start, span.end), model.tokenizer)
                if state is not None:
                    yield state, span


def route_matrix(truth: Sequence[frozenset[str]]) -> np.ndarray:
    return np.array([[label in routes for label in ROUTE_LABELS] for routes in truth])


def validation_source() -> dict[str, str]:
    """An entry of a card's `data`."""
    return data.file_source(f"requests.{requests.VALIDATED}.jsonl.gz", REQUESTS)


@dataclass(frozen=True)
class Given:
    """An item that a reader found, and what is right about it."""

    logits: list[float]
    surest: float
    is_found: bool  # whether it is one of the right items, or a part that nobody asked about
    routes: frozenset[str]  # those that are right for it


Readings = dict[str, dict[str | None, list[Found]]]  # by the id of the request


def readings(model: Reader | QuantizedReader, corpus: Sequence[Request], tokenizer: Tokenizer) -> Readings:
    return {request.id: read(model, request, tokenizer) for request in corpus}


def given_items(corpus: Sequence[Request], found: Readings) -> list[Given]:
    """Found items that overlap a right one in at least half of their union have its routes; others have none."""
    result = []
    for request in corpus:
        for source in request.sources:
            for item in found[request.id].get(source.name, []):
                shares = [(_share((item.start, item.end), (span.start, span.end)), span) for span in source.spans]
                share, span = max(shares, key=lambda pair: pair[0], default=(0.0, None))
                is_near = span is not None and share >= 0.5
                result.append(Given(item.routes, item.surest, is_near or share == 0, span.routes if is_near else frozenset()))
    return result


def matched(request: Request, found: dict[str | None, list[Found]], rule: MultiLabel) -> Counter[str]:
    """As ../shared/score_requests.py does without labels: same source and route, and an overlap of at least half of the union."""
    count: Counter[str] = Counter()
    for source in request.sources:
        gold = [(span.start, span.end, route) for span in source.spans for route in span.routes]
        given = [(item.start, item.end, label) for item in found.get(source.name, [])
                 for label in rule.answers(torch.tensor([item.routes]))[0]]
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
    return _share(a[:2], b[:2]) if a[2] == b[2] else 0.0


def _share(a: tuple[int, int], b: tuple[int, int]) -> float:
    """The intersection as a share of the union."""
    return max(0, min(a[1], b[1]) - max(a[0], b[0])) / (max(a[1], b[1]) - min(a[0], b[0]) or 1)


def evaluate(corpus: Sequence[Request], found: Readings, rule: MultiLabel) -> dict[str, object]:
    totals: dict[str, Counter[str]] = {"en": Counter(), "other": Counter()}
    for request in corpus:
        total = totals["en" if request.language == "en" else "other"]
        total.update(matched(request, found[request.id], rule))
        total["requests"] += 1
    report: dict[str, object] = {}
    for name, total in totals.items():
        recall, precision = total["matched"] / max(1, total["gold"]), total["matched"] / max(1, total["given"])
        report[name] = {"recall": round(recall, 3), "precision": round(precision, 3),
                        "f1": round(2 * recall * precision / max(1e-9, recall + precision), 3),
                        "whole": round(total["whole"] / max(1, total["requests"]), 3)}
    report["faults"] = {key: value for key, value in totals["en"].most_common() if key.startswith(("missed", "surplus"))}
    return report


def exact_joins(model: Reader | QuantizedReader, tokenizer: Tokenizer, count: int = 600) -> dict[str, float]:
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
