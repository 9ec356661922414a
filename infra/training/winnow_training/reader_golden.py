"""Golden files of the item reader: a tiny artifact, what it reads in requests of every kind, and the routes of parts of them."""

from __future__ import annotations

import random
import sys
from collections.abc import Iterable, Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from . import data, flops, reader, states
from .artifact import Artifact, encoder_card, write_rows
from .encoder import Encoder, Shape
from .golden_requests import requests
from .reader import QuantizedReader, Reader, read, states_of
from .requests import Request, Source
from .small import tokenizer_card, training_card
from .tasks import INTENT, ROUTE, ROUTE_LABELS, SEED
from .tokenizer import cut_vocabulary
from .windows import BEGIN, CAPITAL, EMPTY_LINE, GLUED, INSIDE, LINE, OUTSIDE, Piece, Reading, is_space, windows

_NAME = "reader"
_READING = Reading(window=96, stride=56, context=24)  # small, so that many texts have several windows
_SHAPE = Shape(layers=2, hidden_size=64, head_count=2, head_size=32, feed_forward_size=64, positions=_READING.window)
_VOCABULARY = 2400
_SEPARATORS = 12  # about this many pieces of the vocabulary stand between items

_DEVIATION = 2.0  # of the tags' logits, so that certainties differ

# The least difference of a piece's two highest tag logits. Another order of sums rounds some activations in the other direction,
# and moves a logit by some thousandths. A piece that this could decide would prove nothing about the runtime.
_MARGIN = 0.3


def make() -> dict[str, int]:
    """- Produces: the number of lines of every file."""
    wanted = [_request(number, texts) for number, texts in enumerate(requests())]
    artifact = _artifact([source.text for request in wanted for source in request.sources])
    model = QuantizedReader(artifact.encoder)
    _teach(artifact, model, wanted)
    artifact.save(data.GOLDEN / _NAME)
    state = states.fingerprint(artifact, ROUTE, _READING.window)
    rows = [{"state": state, "sources": _sources(artifact, model, request)} for request in wanted]
    return {"reader.jsonl": write_rows(data.GOLDEN / "reader.jsonl", rows),
            "reader-marks.jsonl": write_rows(data.GOLDEN / "reader-marks.jsonl", _marks())}


def _request(number: int, texts: Sequence[str]) -> Request:
    return Request(str(number), "", tuple(Source(str(index), text, ()) for index, text in enumerate(texts)))


def _artifact(texts: Sequence[str]) -> Artifact:
    more = [item.text for item in data.load(INTENT, "train")]
    vocabulary = cut_vocabulary([*texts, *texts, *more], _VOCABULARY, (LINE, EMPTY_LINE))
    shape = Shape(**{**_SHAPE.to_dict(), "vocabulary_size": len(vocabulary)})
    torch.manual_seed(SEED)
    model = Reader(Encoder(shape, {}, dropout=0.0))
    with torch.no_grad():
        for embedding, deviation in ((model.encoder.word, 1.0), (model.encoder.position, 0.2), (model.mark, 1.0)):
            nn.init.normal_(embedding.weight, std=deviation)
        nn.init.normal_(model.route.weight, std=0.3)
        nn.init.normal_(model.route.bias)
        for name, norm in model.named_modules():
            if isinstance(norm, nn.LayerNorm):
                nn.init.uniform_(norm.weight, 0.7, 1.3)
                nn.init.normal_(norm.bias, std=0.1)
    head = {"capability": "decomposition", "task": "route", "kind": "multi-label", "labels": ROUTE_LABELS, "layers": shape.layers,
            "maxTokens": _READING.window, "temperature": 1.0, "thresholds": [0.5] * len(ROUTE_LABELS), "gate": None,
            "calibration": None}
    card = {"schemaVersion": 1, "name": _NAME, "role": "router", "capability": None, "version": "", "weights": {},
            "encoder": encoder_card(shape), "tokenizer": tokenizer_card(), "reading": _READING.card(), "heads": [head],
            "teacher": None, "flops": {"perToken": round(flops.per_token(shape, shape.positions, shape.layers))},
            "data": [], "training": training_card(0)}
    return Artifact(_NAME, reader.tensors(model), shape, vocabulary, card)


def _teach(artifact: Artifact, model: QuantizedReader, wanted: Iterable[Request]) -> None:
    """Fits the tags to a rule, since random ones would leave many pieces between two tags."""
    rows, tags = [], []
    for request in wanted:
        for _, parts, found in windows(request, artifact.tokenizer, _READING):
            if parts:
                rows.append(states_of(model, parts, found))
                tags += [_tag(part) for part in parts]
    inputs, targets = torch.cat(rows), torch.tensor(tags)
    head = nn.Linear(inputs.shape[1], 3)
    optimizer = torch.optim.LBFGS(head.parameters(), max_iter=1000, line_search_fn="strong_wolfe")

    def loss() -> Tensor:
        optimizer.zero_grad()
        value = F.cross_entropy(head(inputs), targets) + 1e-5 * head.weight.square().sum()
        value.backward()
        return value

    optimizer.step(loss)
    with torch.no_grad():
        factor = _DEVIATION / head(inputs).std()
        artifact.tensors["tags.weight"], artifact.tensors["tags.bias"] = factor * head.weight, factor * head.bias


def _tag(part: Piece) -> int:
    if part.is_line_end or part.id % (_VOCABULARY // _SEPARATORS) == 0:
        return OUTSIDE
    return BEGIN if part.mark & (CAPITAL | GLUED) == CAPITAL else INSIDE


def _sources(artifact: Artifact, model: QuantizedReader, request: Request) -> list[dict[str, Any]]:
    answers = read(model, request, artifact.tokenizer, _READING)
    rows = []
    for source, parts, found in windows(request, artifact.tokenizer, _READING):
        state = states_of(model, parts, found) if parts else torch.empty(0, artifact.shape.hidden_size)
        if parts:
            _check_margin(model.tag(state), request)
        bytes_before = [0]
        for character in source.text:
            bytes_before.append(bytes_before[-1] + len(character.encode("utf-8")))
        items = answers[source.name]
        lengths = [len(window.ids) for window in found]
        work = (sum(length * flops.per_token(artifact.shape, length, artifact.shape.layers) for length in lengths)
                + len(parts) * flops.per_head(artifact.shape, 3) + len(items) * flops.per_head(artifact.shape, len(ROUTE_LABELS)))
        rows.append({
            "text": source.text, "ids": [part.id for part in parts], "marks": [part.mark for part in parts],
            "starts": [bytes_before[part.start] for part in parts], "ends": [bytes_before[part.end] for part in parts],
            "inputTokens": sum(lengths), "flops": round(work),
            "items": [{"start": bytes_before[item.start], "end": bytes_before[item.end], "certainty": round(item.surest, 6),
                       "logits": [round(value, 5) for value in item.routes]} for item in items],
            "ranges": [{"start": bytes_before[start], "end": bytes_before[end],
                        "logits": [round(value, 5) for value in model.route(mean).tolist()]}
                       for start, end, mean in _means(source.text, parts, state)]})
    return rows


def _means(text: str, parts: Sequence[Piece], state: Tensor) -> Iterable[tuple[int, int, Tensor]]:
    """Parts of a text, and the mean state of their pieces without line ends at both ends. A part is a whole text, any part, or one
    between line ends, which belong to it."""
    dice = random.Random(text)  # noqa: S311
    ranges = {(0, len(text)), *(tuple(sorted(dice.choices(range(len(text) + 1), k=2))) for _ in range(2))}
    ends = [part for part in parts if part.is_line_end]
    if len(ends) > 1:
        low, high = sorted(dice.sample(range(len(ends)), 2))
        ranges.add((ends[low].start, ends[high].end))
    for start, end in sorted(ranges):
        places = [place for place, part in enumerate(parts)
                  if part.start < end and start < part.end and not part.is_line_end] if start < end else []
        if places:
            yield start, end, state[places[0]:places[-1] + 1].mean(0)


def _check_margin(logits: Tensor, request: Request) -> None:
    best, second = logits.topk(2, 1).values.unbind(1)
    margin = float((best - second).min())
    if margin < _MARGIN:
        raise ValueError(f"request {request.id} has a piece between two tags: {margin:.4f}")


def _marks() -> Iterable[dict[str, Any]]:
    """Which characters begin with an upper-case letter, and which are white space, as runs of scalars."""
    for name, holds in (("upperCase", str.isupper), ("whiteSpace", is_space)):
        runs: list[list[int]] = []
        for scalar in range(0x110000):
            if not 0xD800 <= scalar < 0xE000 and holds(chr(scalar)):
                if runs and runs[-1][1] == scalar - 1:
                    runs[-1][1] = scalar
                else:
                    runs.append([scalar, scalar])
        yield {"property": name, "runs": runs}


if __name__ == "__main__":
    torch.set_num_threads(1)
    print(make(), file=sys.stderr)
