"""Realistic requests with their right items, and copies of them with other texts in the places of the items."""

from __future__ import annotations

import gzip
import json
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

from . import data
from .tasks import CLAUSE_TYPE, INTENT, ISSUE_TYPE, PAYLOAD, PROMPT_ATTACK, SEED, TEXT_TASKS, UNFAIR_TERM, UTTERANCE, Task

NONE: frozenset[str] = frozenset()
TRAINED, VALIDATED = ("c", "d"), "a"  # never train on `a`


@dataclass(frozen=True)
class Span:
    """An item, as a range of its source's code points. Without routes it is a part that no capability answers."""

    start: int
    end: int
    routes: frozenset[str]


@dataclass(frozen=True)
class Source:
    """A request's own text, or one of its attachments."""

    name: str | None
    text: str
    spans: tuple[Span, ...]


@dataclass(frozen=True)
class Request:
    id: str
    language: str
    sources: tuple[Source, ...]  # the own text first


@lru_cache(maxsize=None)
def load(corpus: str) -> tuple[Request, ...]:
    with gzip.open(data.directory() / f"requests.{corpus}.jsonl.gz", "rt", encoding="utf-8") as lines:
        return tuple(_request(json.loads(line)) for line in lines)


def _request(row: dict) -> Request:
    texts = {None: row["text"]} | {part["name"]: part["text"] for part in row.get("attachments") or []}
    spans: dict[str | None, list[Span]] = {name: [] for name in texts}
    for item in row["items"]:
        name = item.get("source")
        start = texts[name].index(item["text"], spans[name][-1].end if spans[name] else 0)
        routes = frozenset(route for route in item["routes"] if route != "none")
        spans[name].append(Span(start, start + len(item["text"]), routes))
    return Request(row["id"], row["language"], tuple(Source(name, text, tuple(spans[name])) for name, text in texts.items()))


# Copies


def copies(count: int, seed: str) -> Iterator[Request]:
    """Requests of the training corpora in which texts of the benchmark data stand for the items, so that a model learns where an
    item stands and not what these few say."""
    chance = random.Random(f"{SEED} requests {seed}")
    originals = [request for corpus in TRAINED for request in load(corpus)]
    for number in range(count):
        request = originals[number % len(originals)]
        share = chance.choice((0.0, 0.5, 1.0))
        sources = [_refilled(source, share, chance) for source in request.sources]
        if chance.random() < 0.2:
            sources = [_lowered(source) for source in sources]
        yield replace(request, sources=tuple(sources))


def _lowered(source: Source) -> Source:
    lowered = source.text.lower()
    return replace(source, text=lowered) if len(lowered) == len(source.text) else source


def _refilled(source: Source, share: float, chance: random.Random) -> Source:
    pieces: list[str] = []
    spans: list[Span] = []
    end = length = 0
    for span in source.spans:
        gap = source.text[end : span.start]
        text = source.text[span.start : span.end]
        if chance.random() < share and len(span.routes) == 1:
            text = _other(text, next(iter(span.routes)), chance)
        spans.append(Span(length + len(gap), length + len(gap) + len(text), span.routes))
        pieces += [gap, text]
        length, end = length + len(gap) + len(text), span.end
    return Source(source.name, "".join([*pieces, source.text[end:]]), tuple(spans))


def _other(text: str, route: str, chance: random.Random) -> str:
    """A text of the same task and of a similar length, on one line, with the letter case and the end of the one that it replaces."""
    texts = _by_length(route)
    if route == ISSUE_TYPE.key and "\n" in text:
        return text
    at = _place(texts, len(text))
    other = texts[chance.randrange(max(0, at - 200), min(len(texts), at + 200))]
    if not len(text) / 3 < len(other) < len(text) * 3:
        return text
    if route == INTENT.key:
        if text[:1].isupper():
            other = other[:1].upper() + other[1:]
        if text[-1:] in ".?!" and other[-1:] not in ".?!":
            other += text[-1]
    return other


def _place(texts: Sequence[str], length: int) -> int:
    low, high = 0, len(texts)
    while low < high:
        middle = (low + high) // 2
        low, high = (middle + 1, high) if len(texts[middle]) < length else (low, middle)
    return low


@lru_cache(maxsize=None)
def _by_length(route: str) -> tuple[str, ...]:
    task = next(task for task in TEXT_TASKS if task.key == route)
    texts = [" ".join(item.text.split()) for item in data.load(task, "train")]
    if task is INTENT:
        texts += [item.text for item in data.load(UTTERANCE, "train")]
    if task is PAYLOAD:
        texts = [text for text in texts if 3 <= len(text) <= 300]
        texts += [item.text for item in data.extra(task) if "\n" not in item.text] * 3
    if task is PROMPT_ATTACK:
        texts += [" ".join(item.text.split()) for item in data.extra(task)]
    return tuple(sorted((text for text in texts if text), key=len))


# Messages and joined utterances

_JOINTS = (" and ", " and then ", ", ", ", and ", " then ", ". ", "? ", " also ", "; ", ", and also ", "\n", " and after that ", " but first ")


def joined(count: int, seed: str, split: str = "train") -> Iterator[Request]:
    """Utterances of one to three wishes."""
    chance = random.Random(f"{SEED} joined {seed}")
    pools = [[item.text for item in data.load(task, split)] for task in (UTTERANCE, INTENT)]
    for number in range(count):
        pool = chance.choice(pools)
        text, spans = "", []
        for index in range(chance.choice((1, 1, 2, 2, 3))):
            if index:
                joint = chance.choice(_JOINTS)
                if joint == " also ":
                    text += " "
                    joint = ""
                text += joint
            wish = chance.choice(pool)
            if chance.random() < 0.3:
                wish = wish[:1].upper() + wish[1:]
            spans.append(Span(len(text), len(text) + len(wish), frozenset({INTENT.key})))
            text += wish
        if chance.random() < 0.3:
            text += chance.choice(".?!")
            spans[-1] = replace(spans[-1], end=len(text))
        yield Request(f"joined-{number}", "en", (Source(None, text, tuple(spans)),))
