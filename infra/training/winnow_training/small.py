"""Makes one small model: importance, cut, distillation, int8, calibration, card."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from . import calibration, catalog, data, distil, documentation, exits, fitting, flops, guards, importance, pools, quantization
from .artifact import Artifact, Said, encoder_card
from .cut import Cut, Recipe, cut
from .decision import SingleLabel, left_at, of_card, of_exits
from .full import SECOND_OPINION
from .metrics import share, single_label
from .tasks import BY_KEY, INTENT, ISSUE_TYPE, SEED, TEXT_TASKS, UTTERANCE, max_tokens
from .tokenizer import Tokenizer, cut_vocabulary, full_tokenizer

# longest training first: two run at a time, and no core should wait for a long one at the end
RECIPES: dict[str, Recipe] = {
    "legal-services": Recipe(layers=2, heads=4, feed_forward_size=384, channels=192, vocabulary=10000, positions=128),
    "semantic-understanding": Recipe(layers=2, heads=4, feed_forward_size=320, channels=192, vocabulary=10000, positions=64),
    "software-development": Recipe(layers=2, heads=4, feed_forward_size=384, channels=256, vocabulary=10000, positions=128,
                                   dropout=0.1),
    "security-services": Recipe(layers=2, heads=4, feed_forward_size=256, channels=192, vocabulary=8000, positions=256,
                                depths={"security-services/payload": 1}),
}
EPOCHS: dict[str, int] = {
    "semantic-understanding/intent": 8, "legal-services/clause-type": 6, "legal-services/unfair-term": 3,
    "security-services/payload": 3, "security-services/prompt-attack": 6, "software-development/issue-type": 4,
}

# An attack that stands among many harmless words is lost in their mean. In a window as short as an attack it is not.
_WINDOWS = {"security-services/payload": 32}
_LONG = 128  # mean tokens of a text from which batches are halved, because they no longer fit the cache


def validation(key: str) -> tuple[list[str], list[Any]]:
    """Texts and true labels."""
    chosen = data.load(BY_KEY[key], "val")
    return [item.text for item in chosen], [item.label for item in chosen]


def calibration_texts(key: str) -> list[str]:
    """Validation texts, and texts of the training file that no model has seen."""
    return [item.text for item in data.calibration(BY_KEY[key])]


def teach(name: str, full: Artifact, texts: dict[str, pools.Pool], teacher: dict[str, Said]) -> tuple[Artifact, Cut]:
    """The cut and distilled model as it will run, with an empty card.

    - Parameters texts, teacher: each head's pool, and the full artifact's output for it.
    """
    source = full.as_trained()
    vocabulary = cut_vocabulary((text for pool in texts.values() for text in pool.texts), RECIPES[name].vocabulary)
    examples = {key: (full_tokenizer().encode(pool.texts[:5000], max_tokens(key)), teacher[key].logits[:5000].softmax(1))
                for key, pool in texts.items()}
    piece = cut(source, importance.of_tasks(source, examples), RECIPES[name], vocabulary, catalog.routes_of(name))
    tokenizer = Tokenizer(vocabulary)
    lessons = []
    for key, pool in texts.items():
        rule = of_card(full.head_card(key))
        encoded = tokenizer.encode(pool.texts, max_tokens(key))
        batch = 32 if sum(map(len, encoded)) > _LONG * len(encoded) else 64
        labels = torch.tensor(pool.labels)
        # if the full model also learned from second opinions, the labels alone would pull the student away from it
        if key in SECOND_OPINION:
            labels = torch.full_like(labels, pools.UNLABELLED)
        lessons.append(distil.Lesson(key, encoded, teacher[key], labels, EPOCHS[key], batch,
                                     gate=rule.gate if isinstance(rule, SingleLabel) else None))
    distil.train(piece.model, lessons)
    return Artifact(name, quantization.tensors(piece.model), piece.model.shape, vocabulary, {}, dict(RECIPES[name].depths)), piece


def finish(small: Artifact, piece: Cut, full: Artifact, seconds: float) -> None:
    """Calibrates the model against the full artifact, measures it, and writes it."""
    heads = [_head(small, full, key) for key in catalog.routes_of(small.name)]
    measured = [head["metrics"] for head in heads]
    widest = max(len(head["labels"]) for head in heads)
    sources = [task for task in TEXT_TASKS if task.capability == small.name]
    if small.name == INTENT.capability:
        sources.append(UTTERANCE)
    heard = data.sources(tuple(sources)) + data.realistic_sources(tuple(sources))
    if small.name == ISSUE_TYPE.capability:
        heard.append(documentation.source())
    small.card = {
        "schemaVersion": 1, "name": small.name, "role": "small",
        "capability": small.name, "version": "", "weights": {},
        "encoder": encoder_card(small.shape), "tokenizer": tokenizer_card(), "heads": heads,
        "teacher": {"name": full.name, "version": full.card["version"]}, "cut": piece.card,
        "flops": {"perToken": round(sum(metrics["flops"] for metrics in measured) / sum(metrics["tokens"] for metrics in measured)),
                  "perHead": flops.per_head(small.shape, widest),
                  "shareOfFull": max(metrics["flopsShareOfFull"] for metrics in measured)},
        "data": heard, "training": training_card(seconds),
    }
    small.save()


@dataclass(frozen=True)
class _Reading:
    """A finished model's output for the calibration texts, and the exits' part of its card."""

    rule: SingleLabel
    logits: Tensor
    left: np.ndarray
    strange: np.ndarray
    exits: list[dict[str, Any]]
    guard: dict[str, Any]
    metrics: dict[str, Any]

    @property
    def confidence(self) -> np.ndarray:
        """0 for a text that the guard does not know."""
        return np.where(self.strange, 0, self.rule.confidence(self.logits))


def _head(small: Artifact, full: Artifact, key: str) -> dict[str, Any]:
    truth = validation(key)[1]
    texts = calibration_texts(key)
    reference, teacher = full.logits(texts, key), of_card(full.head_card(key))
    expected = teacher.answers(reference)
    reading = _with_exits(small, key, texts, expected, teacher)
    rule, own = reading.rule, len(truth)  # the validation texts come first, and only these are measured
    answers = rule.answers(reading.logits)
    agrees = np.array([answer == other for answer, other in zip(answers, expected)])
    certificate = calibration.certify(reading.confidence, agrees)
    accepted = reading.confidence >= (certificate["threshold"] or np.inf)
    cascade = [mine if sure else other for mine, other, sure in zip(answers, expected, accepted)]
    work = float(flops.work(small, key, texts[:own], reading.left[:own]))
    metrics = single_label(truth, answers[:own]) | reading.metrics | {
        "agreementWithFull": share(agrees[:own]), "escalated": round(1 - share(accepted[:own]), 4),
        "withEscalation": single_label(truth, cascade[:own]),
        "tokens": flops.tokens(small, key, texts[:own]), "flops": round(work),
        "flopsShareOfFull": round(work / float(flops.work(full, key, texts[:own])), 6),
        "full": {name: value for name, value in full.head_card(key)["metrics"].items() if name != "baseline"},
        "baseline": full.head_card(key)["metrics"].get("baseline"),
    }
    return fitting.head_card(key, rule, small.depth(key), certificate, metrics, reading.exits) | {
        "guard": reading.guard, "maxTokens": _WINDOWS.get(key, max_tokens(key))}


def _with_exits(small: Artifact, key: str, texts: Sequence[str], expected: Sequence[str], teacher: SingleLabel) -> _Reading:
    """Fits the head to the full model's answers, then trains the exits to reproduce the head's answers."""
    _shift_bias(small, key, small.said(texts, key).logits, expected, teacher)
    exits.teach(small, key)
    exit_logits = small.points(texts, key).logits
    rule = _rule(exit_logits[-1], expected, teacher)
    if rule.gate is None:  # the gate uses the magnitude of logits, which scaling would change
        exits.scale(small, key, [rule.temperature / _rule(logits, expected, teacher).temperature for logits in exit_logits[:-1]])
    leave_from = exits.leave_from(small, key, rule)
    guard = guards.teach(small, key)
    points = small.points(texts, key)
    left = left_at(points.logits, leave_from, rule, points.strange)
    logits, strange = of_exits(points.logits, left), np.stack(points.strange)[left, np.arange(len(left))]
    error = fitting.out_of_fold_error(logits, expected, lambda part, answers: _rule(part, answers, teacher))
    own = len(validation(key)[1])
    card = [{"layers": layers, "from": threshold, "share": share(left[:own] == number)}
            for number, (layers, threshold) in enumerate(zip(small.exits.get(key, ()), leave_from))]
    return _Reading(rule, logits, left, strange, card, guard, {"expectedCalibrationError": error})


def _rule(logits: Tensor, expected: Sequence[str], teacher: SingleLabel) -> SingleLabel:
    return fitting.small_single(teacher.labels, logits, expected, teacher.gate)


def _shift_bias(small: Artifact, key: str, logits: Tensor, expected: Sequence[str], teacher: SingleLabel) -> None:
    """Stores the operating point of two labels in the bias, where most answers agree with the full model's."""
    if len(teacher.labels) == 2:
        index = np.array([teacher.labels.index(answer) for answer in expected])
        small.tensors[f"heads.{key}.bias"][1] += fitting.shift_of(
            1, logits, lambda given: float((np.array(given) == index).mean()))


def tokenizer_card() -> dict[str, Any]:
    return {"kind": "wordpiece", "lowercase": True, "stripAccents": True, "handleChineseCharacters": True,
            "maxInputCharactersPerWord": 100}


def training_card(seconds: float) -> dict[str, Any]:
    return {"seed": SEED, "seconds": round(seconds), "tool": f"torch {torch.__version__}"}
