"""Decides when to trust an answer: temperatures that calibrate confidence, and thresholds with a guarantee."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from scipy.optimize import minimize_scalar
from scipy.stats import beta

TARGET, LEVEL = 0.99, 0.95
_STEPS = 100
_COLDEST = 0.5
_FIXED = ("fixed-sequence testing from the most confident quarter downwards, exact Clopper-Pearson bound; "
          "temperature fitted on the same items")
_EMPIRICAL = ("too few items for a bound at this level: empirical, (disagreements + 1) / (accepted + 1) within the target; "
              "temperature fitted on the same items")
_NONE = "no threshold met the target: every item escalates"


def least_certifiable(target: float) -> int:
    """With fewer items, even zero errors do not bound the rest of the target: 299 for 99%."""
    return int(np.ceil(np.log(1 - LEVEL) / np.log(target)))


def upper_bound(errors: int, items: int) -> float:
    """Clopper-Pearson, one-sided."""
    return 1.0 if errors >= items else float(beta.ppf(LEVEL, errors + 1, items - errors))


def certify(confidence: np.ndarray, agrees: np.ndarray, target: float = TARGET) -> dict[str, Any]:
    """The `calibration` of a head.

    Ranks fix the sequence of thresholds before any agreement is known. It stops at the first threshold that fails, so testing
    many thresholds does not weaken the guarantee.
    """
    order = np.argsort(-confidence, kind="stable")
    errors = np.concatenate([[0], np.cumsum(~agrees[order])])
    total = len(confidence)
    certified = _fixed_sequence(errors, total, target)
    method, accepted = (_FIXED, certified) if certified else (_EMPIRICAL, _succession(errors, total, target))
    if certified == 0 and total >= 4 * least_certifiable(target):
        method = _EMPIRICAL.replace("too few items for a bound at this level", "fixed-sequence testing failed at its first step")
    threshold = _between(confidence[order], accepted) if accepted else None
    accepted = int((confidence >= threshold).sum()) if threshold is not None else 0
    return {"score": "confidence", "threshold": threshold, "agreementTarget": target, "confidenceLevel": LEVEL,
            "items": total, "accepted": accepted, "disagreements": int(errors[accepted]),
            "method": method if accepted else _NONE}


def _fixed_sequence(errors: np.ndarray, total: int, target: float) -> int:
    start = max(least_certifiable(target) + 1, total // 4)
    passed = 0
    for accepted in np.unique(np.linspace(start, total, _STEPS).astype(int)) if total >= start else ():
        if upper_bound(int(errors[accepted]), int(accepted)) > 1 - target:
            break
        passed = int(accepted)
    return passed


def _succession(errors: np.ndarray, total: int, target: float) -> int:
    """The longest run from the top whose rate never exceeds the target, beyond the smallest size that can be below it."""
    least = round(1 / (1 - target)) - 1
    passed = 0
    for accepted in range(least, total + 1):
        if errors[accepted] + 1 > (1 - target) * (accepted + 1) + 1e-9:
            break
        passed = accepted
    return passed


def _between(ranked: np.ndarray, accepted: int) -> float:
    """A threshold halfway between the last accepted score and the next, so that rounding cannot change the decision."""
    last = float(ranked[accepted - 1])
    below = next((float(score) for score in ranked[accepted:] if score < last), 0.0)
    return round((last + below) / 2, 9) if accepted < len(ranked) else round(last * 0.999, 9)


def fit_temperature(loss: Callable[[float], float]) -> float:
    """Not below a floor: where all validation items are right, the likeliest temperature makes everything certain, strangers too."""
    found = minimize_scalar(lambda log: loss(float(np.exp(log))), bounds=(np.log(_COLDEST), np.log(20)), method="bounded")
    return round(float(np.exp(found.x)), 4)


def folds(count: int, parts: int = 5) -> list[np.ndarray]:
    """Row numbers of each fold. The draw is the same in every run."""
    return np.array_split(np.random.default_rng(20261123).permutation(count), parts)
