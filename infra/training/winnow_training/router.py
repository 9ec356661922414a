"""The router: a small reader, cut out of the full model's, that learns its answers on more requests than there are labels for.

Its temperature, its thresholds and how sure it must be are fitted to the validation requests, which it has not learned from, with
everything in them that people write around items.
"""

from __future__ import annotations

import random
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from . import calibration, cut, data, fitting, flops, forms, importance, processor, reader, requests
from .artifact import Artifact, encoder_card
from .batches import by_length
from .decision import MultiLabel
from .descent import Descent, averaged
from .reader import Lesson, QuantizedReader, Reader, batch, lessons
from .reader_evaluation import Given, evaluate, exact_joins, given_items, readings, route_matrix, validation_source
from .small import tokenizer_card, training_card
from .tasks import ROUTE, ROUTE_LABELS, SEED, TEXT_TASKS, UTTERANCE
from .tokenizer import full_tokenizer
from .windows import BEGIN, READING

RECIPE = cut.Recipe(layers=2, heads=4, feed_forward_size=384, channels=192, vocabulary=0, positions=READING.window)
_COPIES, _FORMS, _JOINED, _EPOCHS = 6000, 4000, 15000, 7
_EXACT = 2.0  # the weight of a right tag of joined utterances
_MEASURED = 500  # windows for the importance
_RATE, _BATCH = 1e-3, 32
_BEGINS = -0.7  # added to the score of a beginning: a needless cut spoils two items, and likelihood weighs each piece alike
_SURE = 0.93  # of the items that the router is sure of, the share that goes to no task that it does not belong to
_NONE = 0.9  # of the items that the router is sure fit no task, the share that does fit none


def make(full: Artifact) -> Artifact:
    """- Produces: the files of the router."""
    start = time.monotonic()
    teacher = reader.of_artifact(full)
    made = lessons([*requests.copies(_COPIES, "cut"), *forms.made(_FORMS, "cut")], full_tokenizer())
    joined = lessons(requests.joined(_JOINED, "cut"), full_tokenizer())
    student, piece = _cut(teacher, made + joined)
    _teach(student, teacher, made, _said(teacher, made), joined)
    router = Artifact("router", reader.tensors(student), student.encoder.shape, full.vocabulary, {})
    return finish(router, piece.card, full, time.monotonic() - start)


def _cut(full: Reader, made: Sequence[Lesson]) -> tuple[Reader, cut.Cut]:
    chosen = random.Random(SEED).sample(made, _MEASURED)
    piece = cut.cut(full.encoder, importance.measure(full.encoder, _losses(full, chosen)), RECIPE, full_tokenizer().vocabulary, [])
    small = Reader(piece.model)
    with torch.no_grad():
        small.mark.weight.copy_(full.mark.weight[:, piece.channels])
        cut.narrow(small.tag, full.tag, piece.channels)
        cut.narrow(small.route, full.route, piece.channels)
    return small, piece


def _losses(full: Reader, chosen: Sequence[Lesson]) -> Iterator[Tensor]:
    for rows in by_length([len(one.window.ids) for one in chosen], 8):
        tagged, routed = reader.loss(full, [chosen[row] for row in rows])
        yield tagged + 2 * routed


@torch.no_grad()
def _said(full: Reader, made: Sequence[Lesson]) -> list[Tensor]:
    """The teacher's states of each window's tokens, in half precision, from which its tags and routes follow."""
    answers: list[Tensor] = [torch.empty(0)] * len(made)
    for rows in by_length([len(one.window.ids) for one in made], 16):
        ids, marks, mask, *_ = batch([made[row] for row in rows])
        with processor.autocast():
            states = full.states(ids, marks, mask)
        for row, own in zip(rows, states, strict=True):
            answers[row] = own[: len(made[row].window.ids)].half()
    return answers


def _teach(
    student: Reader, full: Reader, made: Sequence[Lesson], answers: Sequence[Tensor], joined: Sequence[Lesson]
) -> None:
    """- Parameters:
      - answers: the teacher's states, for each lesson of `made`.
      - joined: lessons in which what is right is known, so that the student learns no faults of the teacher.
    """
    width = full.encoder.shape.hidden_size
    understanding = nn.Linear(student.encoder.shape.hidden_size, width)
    sample = torch.cat([states.float() for states in answers[:400]])
    center, spread = sample.mean(0), sample.std(0).mean()
    learning = [*student.parameters(), *understanding.parameters()]
    for parameter in learning:
        parameter.requires_grad_(True)
    every, chance = [*made, *joined], random.Random(SEED)
    steps = [rows for _ in range(_EPOCHS) for rows in by_length([len(one.window.ids) for one in every], _BATCH, chance)]
    descent, average = Descent(learning, learning, len(steps), _RATE), averaged(student)
    start, mean = time.monotonic(), [0.0] * 4
    student.train()
    for number, rows in enumerate(steps):
        ids, marks, mask, tags, pool, routes = batch([every[row] for row in rows])
        theirs = torch.zeros(*ids.shape, width)
        is_taught = torch.tensor([row < len(answers) for row in rows])
        for place, row in enumerate(rows):
            if row < len(answers):
                theirs[place, : len(answers[row])] = answers[row].float()
        owners = torch.tensor([place for place, row in enumerate(rows) for _ in every[row].spans], dtype=torch.long)
        with torch.no_grad():
            their_tags, their_routes = full.tag(theirs), full.route(pool @ theirs.view(-1, width)).sigmoid()
        with processor.autocast():
            states = student.states(ids, marks, mask).float()
        own = tags >= 0
        logits, taught = student.tag(states)[own], is_taught[:, None].expand_as(own)[own]
        soft = F.kl_div((logits / 2).log_softmax(1), (their_tags[own] / 2).log_softmax(1), log_target=True, reduction="none").sum(1)
        hard = F.cross_entropy(logits, tags[own], reduction="none")
        tagged = torch.where(taught, 4 * soft + 0.5 * hard, _EXACT * hard).mean()
        wanted = torch.where(is_taught[owners, None], 0.7 * their_routes + 0.3 * routes, routes)
        routed = student.route(pool @ states.view(-1, states.shape[2]))
        route = F.binary_cross_entropy_with_logits(routed, wanted) if len(routes) else torch.zeros(())
        known = mask & is_taught[:, None]
        understood = F.mse_loss(understanding(states[known]), (theirs[known] - center) / spread) if known.any() else torch.zeros(())
        value = tagged + 3 * route + understood
        descent.step(value, average, student)
        mean = [0.98 * a + 0.02 * b.item() for a, b in zip(mean, (value, tagged, route, understood), strict=True)]
        if number % 200 == 0:
            print(f"  {number}/{len(steps)} {time.monotonic() - start:.0f} s " + " ".join(f"{one:.3f}" for one in mean), flush=True)
    student.load_state_dict(average.module.state_dict())
    student.eval()


# The card


@dataclass(frozen=True)
class _Rule:
    """How an item's routes follow from its logits, and from where on the router is sure of an item."""

    routes: MultiLabel
    certificate: dict[str, Any]
    unsure: float  # the share of items that are asked about


def finish(router: Artifact, piece: dict[str, Any], full: Artifact, seconds: float) -> Artifact:
    """Calibrates the router, measures it, and writes it."""
    router.tensors["tags.bias"][BEGIN] += _BEGINS
    corpus, model = requests.load(requests.VALIDATED), QuantizedReader(router.encoder)
    found = readings(model, corpus, router.tokenizer)
    given = given_items([one for one in corpus if one.language == "en"], found)
    rule = _rule(given)
    report, certificate = evaluate(corpus, found, rule.routes), rule.certificate
    metrics = {"items": len(given), "english": report["en"], "otherLanguages": report["other"],
               "joins": exact_joins(model, router.tokenizer), "unsure": round(rule.unsure, 4)}
    head = fitting.head_card(ROUTE, rule.routes, router.shape.layers, certificate, metrics)
    router.card = {
        "schemaVersion": 1, "name": "router", "role": "router", "capability": "decomposition", "version": "", "weights": {},
        "encoder": encoder_card(router.shape), "tokenizer": tokenizer_card(),
        "reading": READING.card(), "heads": [head],
        "teacher": {"name": full.name, "version": full.card["version"]}, "cut": piece,
        "flops": {"perToken": round(flops.per_token(router.shape, READING.window / 2, router.shape.layers)),
                  "perHead": flops.per_head(router.shape, len(ROUTE_LABELS)), "shareOfFull": _share_of(full, router)},
        "data": data.sources((*TEXT_TASKS, UTTERANCE)) + data.realistic_sources() + [validation_source()],
        "training": training_card(seconds),
    }
    router.save()
    return router


def _share_of(full: Artifact, router: Artifact) -> float:
    sizes = [flops.per_token(model.shape, READING.window / 2, model.shape.layers) for model in (router, full)]
    return round(sizes[0] / sizes[1], 6)


def _rule(given: Sequence[Given]) -> _Rule:
    logits, truth = torch.tensor([item.logits for item in given]), route_matrix([item.routes for item in given])
    routes = fitting.multi(logits, truth)
    answers = routes.given(logits)
    has_surplus = (answers & ~truth).any(1) | answers.any(1) & ~np.array([item.is_found for item in given])
    confidence, is_none = routes.confidence(logits), ~answers.any(1)
    certificate = calibration.certify(confidence, ~has_surplus, _SURE)
    # To overlook an item is another fault, which is counted apart.
    no_route = calibration.certify(confidence[is_none], ~truth[is_none].any(1), _NONE)
    least = np.where(is_none, *(np.inf if one["threshold"] is None else one["threshold"] for one in (no_route, certificate)))
    return _Rule(routes, certificate | {"noRoute": no_route}, float((confidence < least).mean()))
