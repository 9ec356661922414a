"""Trains, calibrates and writes the splitter."""

from __future__ import annotations

import time
from typing import Any

import numpy as np
import torch

from . import artifact, calibration, data, splitter_training
from .splitter import BUCKETS, CANDIDATES, WINDOW, Splitter
from .splitter_training import Compound
from .small import training_card
from .tasks import INTENT, UTTERANCE

_VALIDATION_ITEMS = 6000
NAME = "splitter"


def make() -> str:
    start = time.monotonic()
    trained = splitter_training.train()
    examples = splitter_training.compounds("val", _VALIDATION_ITEMS, "splitter val")
    fitted = splitter_training.fit_temperature(trained, examples)
    exact = np.array([fitted.split(example.text) == list(example.parts) for example in examples])
    certificate = calibration.certify(np.array([fitted.confidence(example.text) for example in examples]), exact)
    metrics = splitter_training.measure(fitted, examples)
    plain = splitter_training.plain_compounds("val", _VALIDATION_ITEMS)
    metrics["plainJoints"] = splitter_training.measure(fitted, plain)
    card = {
        "schemaVersion": 1, "name": NAME, "role": "splitter", "capability": "decomposition", "version": "", "weights": {},
        "splitter": {"buckets": BUCKETS, "window": WINDOW, "candidates": list(CANDIDATES),
                     "temperature": fitted.temperature, "threshold": fitted.threshold,
                     "calibration": certificate, "metrics": metrics},
        "data": data.sources((UTTERANCE, INTENT)), "training": training_card(time.monotonic() - start),
    }
    tensors = {"splitter.weight": torch.from_numpy(fitted.weight), "splitter.bias": torch.tensor([fitted.bias])}
    artifact.write(NAME, "winnow-splitter", tensors, card)
    return card["version"]


def load() -> Splitter:
    """The artifact as it runs."""
    card, tensors = artifact.read(NAME)
    part = card["splitter"]
    return Splitter(tensors["splitter.weight"].numpy(), float(tensors["splitter.bias"][0]), part["temperature"],
                    part["threshold"])
