"""The reader: says for each piece of a window whether an item begins, goes on or ends there, and which routes an item has."""

from __future__ import annotations

import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .encoder import Encoder, Layer, pretrained
from .requests import Request
from .tasks import ROUTE_LABELS
from .tokenizer import Tokenizer
from .windows import BEGIN, INSIDE, MARKS, OUTSIDE, Piece, Window, targets, windows


@dataclass(frozen=True)
class Lesson:
    window: Window
    tags: list[int]
    spans: list[tuple[int, int]]  # places in the window, the end excluded
    routes: list[list[float]]


def lessons(requests: Iterable[Request], tokenizer: Tokenizer) -> list[Lesson]:
    result = []
    for request in requests:
        for source, parts, found in windows(request, tokenizer):
            tags, numbers = targets(parts, source.spans)
            for window in found:
                low, high = window.offset, window.offset + window.count
                places: dict[int, list[int]] = {}
                for place in range(low, high):
                    if numbers[place] >= 0:
                        places.setdefault(numbers[place], []).append(place - low + window.first)
                whole = [-100] * window.first + tags[low:high] + [-100] * (len(window.ids) - window.first - window.count)
                result.append(Lesson(window, whole, [(own[0], own[-1] + 1) for own in places.values()],
                                     [[float(label in source.spans[number].routes) for label in ROUTE_LABELS]
                                      for number in places]))
    return result


class Reader(nn.Module):
    """An encoder whose pieces have marks, a head of tags for each piece, and a head of routes for the mean of an item's pieces."""

    def __init__(self, encoder: Encoder, layers: int | None = None) -> None:
        super().__init__()
        self.encoder = encoder
        self.layers = layers
        width = encoder.shape.hidden_size
        self.mark = nn.Embedding(MARKS, width)
        nn.init.zeros_(self.mark.weight)
        self.tag, self.route = nn.Linear(width, 3), nn.Linear(width, len(ROUTE_LABELS))
        for head in (self.tag, self.route):
            nn.init.normal_(head.weight, std=0.02)
            nn.init.zeros_(head.bias)

    def states(self, ids: Tensor, marks: Tensor, mask: Tensor) -> Tensor:
        encoder = self.encoder
        x = encoder.word(ids) + encoder.position.weight[: ids.shape[1]] + self.mark(marks)
        x = encoder.dropout(encoder.norm(x))
        kept = encoder.channel_mask
        if kept is not None:
            x = x * kept
        attend = mask[:, None, None, :]
        for layer in encoder.layers[: self.layers]:
            x = layer(x, attend)
            if kept is not None:
                x = x * kept
        return x


def batch(chosen: Sequence[Lesson]) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor, Tensor]:
    length = max(len(lesson.window.ids) for lesson in chosen)
    ids = torch.zeros(len(chosen), length, dtype=torch.long)
    marks, mask = torch.zeros_like(ids), torch.zeros(len(chosen), length, dtype=torch.bool)
    tags = torch.full_like(ids, -100)
    pools, routes = [], []
    for row, lesson in enumerate(chosen):
        size = len(lesson.window.ids)
        ids[row, :size] = torch.tensor(lesson.window.ids)
        marks[row, :size] = torch.tensor(lesson.window.marks)
        mask[row, :size] = True
        tags[row, :size] = torch.tensor(lesson.tags)
        for (low, high), wanted in zip(lesson.spans, lesson.routes, strict=True):
            pool = torch.zeros(len(chosen), length)
            pool[row, low:high] = 1 / (high - low)
            pools.append(pool.view(-1))
            routes.append(wanted)
    pool = torch.stack(pools) if pools else torch.zeros(0, ids.numel())
    return ids, marks, mask, tags, pool, torch.tensor(routes).view(-1, len(ROUTE_LABELS))


def loss(model: Reader, chosen: Sequence[Lesson]) -> tuple[Tensor, Tensor]:
    ids, marks, mask, tags, pool, routes = batch(chosen)
    states = model.states(ids, marks, mask)
    tagged = F.cross_entropy(model.tag(states).view(-1, 3), tags.view(-1), ignore_index=-100)
    means = pool @ states.view(-1, states.shape[2])
    routed = F.binary_cross_entropy_with_logits(model.route(means), routes) if len(routes) else torch.zeros(())
    return tagged, routed


@dataclass(frozen=True)
class Found:
    start: int
    end: int
    routes: list[float]  # logits
    surest: float  # the probability of the least sure piece's tag


@torch.no_grad()
def read(model: Reader, request: Request, tokenizer: Tokenizer) -> dict[str | None, list[Found]]:
    model.eval()
    answer: dict[str | None, list[Found]] = {}
    for source, parts, found in windows(request, tokenizer):
        if not parts:
            answer[source.name] = []
            continue
        tags, states = torch.zeros(len(parts), 3), torch.zeros(len(parts), model.encoder.shape.hidden_size)
        best = torch.full((len(parts),), -1)
        for window in found:
            ids = torch.tensor([window.ids])
            own = model.states(ids, torch.tensor([window.marks]), torch.ones_like(ids, dtype=torch.bool))[0]
            for place in range(window.count):
                # The window in which a piece stands furthest from the ends knows most of its neighbours.
                depth = min(place + (1000 if window.offset == 0 else 0),
                            window.count - 1 - place + (1000 if window.offset + window.count == len(parts) else 0))
                if depth > best[window.offset + place]:
                    best[window.offset + place] = depth
                    states[window.offset + place] = own[window.first + place]
        probabilities = model.tag(states).softmax(1)
        answer[source.name] = [
            Found(parts[low].start, parts[high - 1].end, model.route(states[low:high].mean(0)).tolist(), sure)
            for low, high, sure in decode(parts, probabilities)]
    return answer


def decode(parts: Sequence[Piece], probabilities: Tensor) -> list[tuple[int, int, float]]:
    """The runs of pieces that are items. A word is never cut, and an item neither begins nor ends with a line end."""
    items: list[tuple[int, int, float]] = []
    chosen = probabilities.argmax(1).tolist()
    sure = probabilities.max(1).values.tolist()
    open_at, lowest = -1, 1.0
    for place, (part, tag) in enumerate(zip(parts, chosen, strict=True)):
        if tag == OUTSIDE and open_at >= 0:
            items.append((open_at, place, lowest))
            open_at = -1
        elif tag == BEGIN or (tag == INSIDE and open_at < 0):
            if open_at >= 0:
                items.append((open_at, place, lowest))
            open_at, lowest = place, 1.0
        if open_at >= 0:
            lowest = min(lowest, sure[place])
    if open_at >= 0:
        items.append((open_at, len(parts), lowest))
    return [item for low, high, lowest in items if (item := _trimmed(parts, low, high, lowest))]


def _trimmed(parts: Sequence[Piece], low: int, high: int, lowest: float) -> tuple[int, int, float] | None:
    while low < high and parts[low].start >= 0 and parts[low].id in (2, 3):
        low += 1
    while high > low and parts[high - 1].id in (2, 3):
        high -= 1
    return (low, high, lowest) if low < high else None
