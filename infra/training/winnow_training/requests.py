"""Realistic requests with their right items, and copies of them with other texts in the places of the items."""

from __future__ import annotations

import gzip
import json
import random
from bisect import bisect_left
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

from . import data
from .compounds import compounds
from .tasks import INTENT, ISSUE_TYPE, PAYLOAD, PROMPT_ATTACK, SEED, TEXT_TASKS, UTTERANCE

TRAINED, VALIDATED = ("c", "d"), "a"  # never train on `a`


@dataclass(frozen=True)
class Span:
    """An item, as a range of its source's code points. Without routes it is a part that no capability answers."""

    start: int
    end: int
    routes: frozenset[str]
    labels: tuple[tuple[str, str], ...] = ()  # a label for some of the routes


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
        labels = tuple((route, label) for route, label in (item.get("labels") or {}).items() if label)
        spans[name].append(Span(start, start + len(item["text"]), routes, labels))
    return Request(row["id"], row["language"], tuple(Source(name, text, tuple(spans[name])) for name, text in texts.items()))


def labelled(route: str, corpora: Sequence[str] = TRAINED) -> list[data.Item]:
    """The items of a route whose label is beyond argument."""
    return [data.Item(source.text[span.start : span.end], label)
            for corpus in corpora for request in load(corpus) for source in request.sources for span in source.spans
            for key, label in span.labels if key == route]


def parts(is_wanted: Callable[[Request, Span], bool], corpora: Sequence[str] = TRAINED) -> list[str]:
    return [source.text[span.start : span.end] for corpus in corpora for request in load(corpus)
            for source in request.sources for span in source.spans if is_wanted(request, span)]


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
    texts = texts_of(route)
    if route == ISSUE_TYPE.key and "\n" in text:
        return text
    at = bisect_left(texts, len(text), key=len)
    other = texts[chance.randrange(max(0, at - 200), min(len(texts), at + 200))]
    if not len(text) / 3 < len(other) < len(text) * 3:
        return text
    if route == INTENT.key:
        if text[:1].isupper():
            other = other[:1].upper() + other[1:]
        if text[-1:] in ".?!" and other[-1:] not in ".?!":
            other += text[-1]
    return other


@lru_cache(maxsize=None)
def texts_of(route: str) -> tuple[str, ...]:
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


# Joined utterances


def joined(count: int, seed: str, split: str = "train") -> tuple[Request, ...]:
    """Utterances of one to three wishes, as people join them."""
    chance = random.Random(f"{SEED} sentences {seed}")
    return tuple(of_compound(str(number), compound.text, compound.parts, chance.random() if split == "train" else 1)
                 for number, compound in enumerate(compounds(split, count, seed)))


def of_compound(identity: str, text: str, parts: Sequence[str], draw: float = 1) -> Request:
    """- Parameter draw: below 0.3, sentences stand in the places of some parts that words have joined."""
    spans: list[Span] = []
    made = ""
    end = 0
    for part in parts:
        start = text.index(part, end)
        gap = text[end:start]
        if spans and draw < 0.3:
            gap = (". ", "? ", "\n", "! ", ".\n")[int(draw * 50) % 5]
        # A full stop or a question mark belongs to the item that it ends.
        if spans and gap[:1] in ".?!":
            made += gap[:1]
            gap = gap[1:]
            spans[-1] = replace(spans[-1], end=len(made))
        # The conventions keep "also" in the item.
        begin = len(made) + (gap.rindex("also ") if gap.endswith("also ") else len(gap))
        made += gap
        spans.append(Span(begin, len(made) + len(part), frozenset({INTENT.key})))
        made += part
        end = start + len(part)
    made += text[end:]
    spans[-1] = replace(spans[-1], end=len(made))
    return Request(identity, "en", (Source(None, made, tuple(spans)),))
