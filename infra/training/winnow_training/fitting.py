"""Turns the logits of a head on the validation items into its card: operating point, temperature, gate, certificate."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from scipy.optimize import minimize
from torch import Tensor

from . import calibration
from .decision import Gate, MultiLabel, SingleLabel
from .metrics import expected_calibration_error, share
from .tasks import OUT_OF_SCOPE, ROUTE, ROUTE_LABELS, Task, max_tokens
from .windows import READING

_GATE_TEMPERATURE = 1.0


def shift_of(label: int, logits: Tensor, score: Callable[[list[int]], float]) -> float:
    """The offset for one logit that gives the best `score` of the answers, or 0 if no offset is better.

    Uses the middle of the best plateau, because its edges depend on chance.
    """
    grid = np.round(np.linspace(-4, 4, 161), 3)
    moved = torch.zeros_like(logits)
    scores = []
    for shift in grid:
        moved[:, label] = float(shift)
        scores.append(score((logits + moved).argmax(1).tolist()))
    smooth = np.convolve(np.pad(scores, 4, mode="edge"), np.ones(9) / 9, mode="valid")
    best = np.flatnonzero(smooth >= smooth.max() - 1e-9)
    run = max(np.split(best, np.flatnonzero(np.diff(best) > 1) + 1), key=len)
    middle = int(run[len(run) // 2])
    return float(grid[middle]) if scores[middle] > scores[len(grid) // 2] else 0.0


def fit_gate(energy: np.ndarray, outside: np.ndarray) -> tuple[float, float]:
    """Threshold and scale of a logistic gate, by likelihood."""
    def cost(parameters: np.ndarray) -> float:
        z = (parameters[0] - energy) / np.exp(parameters[1])
        return float(np.mean(np.logaddexp(0, z) - outside * z))

    found = minimize(cost, np.array([energy.mean(), 0.0]), method="Nelder-Mead")
    return float(found.x[0]), float(np.exp(found.x[1]))


def full_single(task: Task, labels: Sequence[str], logits: Tensor, truth: Sequence[str]) -> SingleLabel:
    """The full model's rule, fitted to the labels of the validation items."""
    index = {label: number for number, label in enumerate(labels)}
    inside = torch.tensor([label in index for label in truth])
    target = torch.tensor([index.get(label, 0) for label in truth])
    temperature = calibration.fit_temperature(
        lambda t: float(F.cross_entropy(logits[inside] / t, target[inside])))
    if OUT_OF_SCOPE not in truth:
        return SingleLabel(labels, temperature)
    energy = logits.logsumexp(1).numpy()
    threshold, scale = fit_gate(energy, (~inside).numpy())
    return _best_gate(labels, temperature, threshold, scale, lambda rule: _balanced(rule.answers(logits), truth))


def small_single(labels: Sequence[str], logits: Tensor, reference: Sequence[str], gate: Gate | None) -> SingleLabel:
    """A small model's rule, fitted to the full model's answers."""
    index = {label: number for number, label in enumerate(labels)}
    inside = torch.tensor([label in index for label in reference])
    target = torch.tensor([index.get(label, 0) for label in reference])
    temperature = calibration.fit_temperature(
        lambda t: float(F.cross_entropy(logits[inside] / t, target[inside])))
    if gate is None:
        return SingleLabel(labels, temperature)
    threshold, scale = fit_gate(logits.logsumexp(1).numpy(), (~inside).numpy())
    return _best_gate(labels, temperature, threshold, scale,
                      lambda rule: share(a == b for a, b in zip(rule.answers(logits), reference)))


def _best_gate(labels: Sequence[str], temperature: float, threshold: float, scale: float,
               score: Callable[[SingleLabel], float]) -> SingleLabel:
    """Moves the likelihood's threshold to where `score` is best."""
    def rule(shift: float) -> SingleLabel:
        gate = Gate(_GATE_TEMPERATURE, round(threshold + shift * scale, 4), round(scale, 4), OUT_OF_SCOPE)
        return SingleLabel(labels, temperature, gate)

    shifts = np.linspace(-3, 3, 61)
    scores = np.convolve([score(rule(shift)) for shift in shifts], np.ones(5) / 5, mode="same")
    return rule(float(shifts[int(scores.argmax())]))


def _balanced(answers: Sequence[str], truth: Sequence[str]) -> float:
    """Weighs in-scope accuracy three times as much as out-of-scope recall, because most requests are in scope."""
    inside = share(a == t for a, t in zip(answers, truth) if t != OUT_OF_SCOPE)
    outside = share(a == t for a, t in zip(answers, truth) if t == OUT_OF_SCOPE)
    return 0.75 * inside + 0.25 * outside


def multi(logits: Tensor, target: np.ndarray) -> MultiLabel:
    """Temperature by likelihood, then for each label the middle of the thresholds that make the fewest mistakes."""
    temperature = calibration.fit_temperature(
        lambda t: float(F.binary_cross_entropy_with_logits(logits / t, torch.tensor(target, dtype=torch.float32))))
    p = torch.sigmoid(logits / temperature).numpy()
    grid = np.linspace(0.05, 0.95, 91)
    thresholds = []
    for column in range(p.shape[1]):
        right = np.array([((p[:, column] >= t) == target[:, column]).mean() for t in grid])
        thresholds.append(round(float(np.median(grid[right >= right.max() - 1e-9])), 3))
    return MultiLabel(ROUTE_LABELS, thresholds, temperature)


def out_of_fold_error(logits: Tensor, reference: Sequence[str], fit: Callable[[Tensor, Sequence[str]], SingleLabel]) -> float:
    """The calibration error, the gap between confidence and agreement, if the rule is fitted on other items."""
    confidence, agrees = np.zeros(len(reference)), np.zeros(len(reference), dtype=bool)
    for held in calibration.folds(len(reference)):
        others = np.setdiff1d(np.arange(len(reference)), held)
        rule = fit(logits[others], [reference[row] for row in others])
        confidence[held] = rule.confidence(logits[held])
        agrees[held] = [a == reference[row] for a, row in zip(rule.answers(logits[held]), held)]
    return expected_calibration_error(confidence, agrees)


def head_card(key: str, rule: SingleLabel | MultiLabel, layers: int, certificate: dict[str, Any] | None,
              metrics: dict[str, Any], exits: Sequence[dict[str, Any]] = ()) -> dict[str, Any]:
    capability, task = key.split("/")
    gate = rule.gate.to_card() if isinstance(rule, SingleLabel) and rule.gate else None
    return {
        "capability": capability, "task": task, "kind": "multi-label" if key == ROUTE else "single-label",
        "labels": list(rule.labels), "layers": layers, "exits": list(exits), "maxTokens": READING.window if key == ROUTE else max_tokens(key), "temperature": rule.temperature,
        "thresholds": list(rule.thresholds) if isinstance(rule, MultiLabel) else None,
        "gate": gate, "calibration": certificate, "metrics": metrics,
    }
