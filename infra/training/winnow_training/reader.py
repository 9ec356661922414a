"""The reader: says for each piece of a window whether an item begins, goes on or ends there, and which routes an item has."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from . import processor, quantization
from .artifact import Artifact
from .encoder import Encoder
from .quantization import QuantizedEncoder
from .requests import Request, Source
from .tasks import ROUTE, ROUTE_LABELS
from .tokenizer import Tokenizer
from .windows import BEGIN, INSIDE, MARKS, OUTSIDE, READING, Piece, Reading, Window, targets, windows


CONTEXT = 96  # of a text around an item whose routing the full model is asked; the services count bytes


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
        return self.encoder.states(ids, mask, self.layers, self.mark(marks))


class QuantizedReader:
    """Runs the tensors of a reader's artifact."""

    def __init__(self, encoder: QuantizedEncoder) -> None:
        self.encoder = encoder

    def states(self, ids: Tensor, marks: Tensor, mask: Tensor) -> Tensor:
        return self.encoder.marked_states(ids, marks, mask)

    def tag(self, states: Tensor) -> Tensor:
        return self.encoder.read(states, "tags")

    def route(self, states: Tensor) -> Tensor:
        return self.encoder.read(states, f"heads.{ROUTE}")


def tensors(model: Reader) -> dict[str, Tensor]:
    """A trained reader as the tensors of an artifact, without the vocabulary and the layers that it does not use."""
    layers = model.encoder.shape.layers if model.layers is None else model.layers
    unused = tuple(f"layers.{index}." for index in range(layers, model.encoder.shape.layers))
    found = {name: tensor for name, tensor in quantization.tensors(model.encoder).items() if not name.startswith(unused)}
    found["embeddings.mark.weight"] = model.mark.weight.detach().float().clone()
    for name, head in (("tags", model.tag), (f"heads.{ROUTE}", model.route)):
        found[f"{name}.weight"], found[f"{name}.bias"] = (part.detach().float().clone() for part in (head.weight, head.bias))
    return found


def of_artifact(artifact: Artifact) -> Reader:
    """The reader that runs, in a form that can be cut and trained."""
    model = Reader(artifact.as_trained())
    with torch.no_grad():
        model.mark.weight.copy_(artifact.tensors["embeddings.mark.weight"])
        for name, head in (("tags", model.tag), (f"heads.{ROUTE}", model.route)):
            head.weight.copy_(artifact.tensors[f"{name}.weight"])
            head.bias.copy_(artifact.tensors[f"{name}.bias"])
    return model.eval()


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
    with processor.autocast():
        states = model.states(ids, marks, mask).float()
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
def read(
    model: Reader | QuantizedReader, request: Request, tokenizer: Tokenizer, reading: Reading = READING
) -> dict[str | None, list[Found]]:
    if isinstance(model, Reader):
        model.eval()
    answer: dict[str | None, list[Found]] = {}
    for source, parts, found in windows(request, tokenizer, reading):
        if not parts:
            answer[source.name] = []
            continue
        states = states_of(model, parts, found)
        probabilities = model.tag(states).softmax(1)
        answer[source.name] = [
            Found(parts[low].start, parts[high - 1].end, model.route(states[low:high].mean(0)).tolist(), sure)
            for low, high, sure in decode(parts, probabilities)]
    return answer


@torch.no_grad()
def states_of(model: Reader | QuantizedReader, parts: Sequence[Piece], found: Sequence[Window]) -> Tensor:
    """The state of each piece of a source, from the window that knows most of its neighbours: the one in which it stands furthest
    from the ends. The ends of the source are no ends of a window. Of two such windows it is the first."""
    states: list[Tensor] = [torch.empty(0)] * len(parts)
    best = [-1.0] * len(parts)
    for window in found:
        ids = torch.tensor([window.ids])
        own = model.states(ids, torch.tensor([window.marks]), torch.ones_like(ids, dtype=torch.bool))[0]
        is_first, is_last = window.offset == 0, window.offset + window.count == len(parts)
        for place in range(window.count):
            depth = min(float("inf") if is_first else place, float("inf") if is_last else window.count - 1 - place)
            if depth > best[window.offset + place]:
                best[window.offset + place] = depth
                states[window.offset + place] = own[window.first + place]
    return torch.stack(states)


@torch.no_grad()
def state_of(model: Reader | QuantizedReader, request: Request, number: int, start: int, end: int, tokenizer: Tokenizer,
             reading: Reading = READING) -> Tensor | None:
    """The mean state of the pieces of a range of a source, without line ends at its ends; `None` if it has no pieces.

    - Parameter number: of the source.
    """
    _, parts, found = windows(request, tokenizer, reading)[number]
    chosen = [place for place, part in enumerate(parts) if part.start < end and part.end > start]
    while chosen and parts[chosen[0]].is_line_end:
        chosen.pop(0)
    while chosen and parts[chosen[-1]].is_line_end:
        chosen.pop()
    return states_of(model, parts, found)[chosen[0] : chosen[-1] + 1].mean(0) if chosen else None


def in_context(request: Request, number: int, start: int, end: int) -> tuple[Request, int, int, int]:
    """The request as an escalation has it: what stands near an item, and the beginning of the own text if that is far.

    - Returns: also the number of the item's source there, and its range.
    """
    text, own = request.sources[number].text, request.sources[0].text
    before, after = text[max(0, start - CONTEXT) : start], text[end : end + CONTEXT]
    near = Source(None, before + text[start:end] + after, ())
    is_far = number > 0 or start > CONTEXT
    sources = (Source(None, own[:CONTEXT], ()), replace(near, name="item")) if is_far else (near,)
    return replace(request, sources=sources), len(sources) - 1, len(before), len(before) + end - start


def decode(parts: Sequence[Piece], probabilities: Tensor) -> list[tuple[int, int, float]]:
    """The items of the most probable path of tags (Viterbi): first and last piece, the latter excluded, and the probability of the
    least sure tag. `INSIDE` never follows `OUTSIDE`, a word is never cut, and an item neither begins nor ends with a line end."""
    chances = probabilities.double().clamp_min(1e-300)
    chosen = _path(parts, chances.log().tolist())
    sure = chances[torch.arange(len(parts)), torch.tensor(chosen)].tolist()
    items: list[tuple[int, int, float]] = []
    begins = [place for place, tag in enumerate(chosen) if tag == BEGIN]
    for low, following in zip(begins, [*begins, len(parts)][1:], strict=True):
        high = low + 1
        while high < following and chosen[high] == INSIDE:
            high += 1
        if item := _trimmed(parts, low, high, min(sure[low:high])):
            items.append(item)
    return items


def _path(parts: Sequence[Piece], scores: Sequence[Sequence[float]]) -> list[int]:
    totals = [0.0, -math.inf, -math.inf]  # a source begins outside
    before: list[tuple[int, int, int]] = []
    for part, own in zip(parts, scores, strict=True):
        best, item = max((OUTSIDE, BEGIN, INSIDE), key=totals.__getitem__), max((BEGIN, INSIDE), key=totals.__getitem__)
        froms = (OUTSIDE, OUTSIDE, item) if part.is_continuation else (best, best, item)
        totals = [totals[place] + score for place, score in zip(froms, own, strict=True)]
        if part.is_continuation:
            totals[BEGIN] = -math.inf
        before.append(froms)
    tag = max((OUTSIDE, BEGIN, INSIDE), key=totals.__getitem__)
    path = []
    for froms in reversed(before):
        path.append(tag)
        tag = froms[tag]
    return path[::-1]


def _trimmed(parts: Sequence[Piece], low: int, high: int, lowest: float) -> tuple[int, int, float] | None:
    while low < high and parts[low].is_line_end:
        low += 1
    while high > low and parts[high - 1].is_line_end:
        high -= 1
    return (low, high, lowest) if low < high else None
