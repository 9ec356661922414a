"""The metrics of cards."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from sklearn.metrics import f1_score

from .tasks import OUT_OF_SCOPE


def classification(truth: Sequence[str], answers: Sequence[str]) -> dict[str, float]:
    """Accuracy and macro F1; for two labels also the F1 of the rarer one."""
    labels = sorted(set(truth))
    result = {
        "accuracy": share(t == a for t, a in zip(truth, answers)),
        "macroF1": round(float(f1_score(truth, answers, labels=labels, average="macro", zero_division=0)), 4),
    }
    if len(labels) == 2:
        rare = min(labels, key=list(truth).count)
        result["f1"] = round(float(f1_score(truth, answers, pos_label=rare, zero_division=0)), 4)
    return result


def single_label(truth: Sequence[str], answers: Sequence[str]) -> dict[str, float]:
    """`classification`, with out-of-scope reported separately if the task has it."""
    result = classification(truth, answers)
    if OUT_OF_SCOPE in truth:
        result["accuracyInScope"] = share(a == t for a, t in zip(answers, truth) if t != OUT_OF_SCOPE)
        result["outOfScopeRecall"] = share(a == t for a, t in zip(answers, truth) if t == OUT_OF_SCOPE)
    return result


def multi_label(truth: np.ndarray, given: np.ndarray, labels: Sequence[str]) -> dict[str, object]:
    """Exact match of whole label sets, and F1 of each label."""
    scores = f1_score(truth, given, average=None, zero_division=0)
    return {
        "exactMatch": share((truth == given).all(1)),
        "macroF1": round(float(scores.mean()), 4),
        "f1": {label: round(float(score), 4) for label, score in zip(labels, scores)},
    }


def share(hits: object) -> float:
    values = list(hits)  # type: ignore[call-overload]
    return round(sum(map(bool, values)) / max(1, len(values)), 4)


def expected_calibration_error(confidence: np.ndarray, correct: np.ndarray, bins: int = 10) -> float:
    """The mean gap between a bin's confidence and its accuracy."""
    order = np.array_split(np.argsort(confidence), bins)
    gaps = [len(rows) * abs(confidence[rows].mean() - correct[rows].mean()) for rows in order if len(rows)]
    return round(float(sum(gaps) / len(confidence)), 4)
