"""From logits to answers and confidence, as `infra/models/README.md` defines them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor


@dataclass(frozen=True)
class Gate:
    """Decides out-of-scope by the energy of the logits, independently of the label."""

    temperature: float
    threshold: float
    scale: float
    label: str

    def energy(self, logits: Tensor) -> Tensor:
        return self.temperature * (logits / self.temperature).logsumexp(1)

    def outside(self, logits: Tensor) -> Tensor:
        return torch.sigmoid((self.threshold - self.energy(logits)) / self.scale)

    def to_card(self) -> dict[str, Any]:
        return {"kind": "energy", "temperature": self.temperature, "threshold": self.threshold, "scale": self.scale,
                "label": self.label}


@dataclass(frozen=True)
class SingleLabel:
    labels: Sequence[str]
    temperature: float = 1.0
    gate: Gate | None = None

    def probabilities(self, logits: Tensor) -> Tensor:
        p = (logits / self.temperature).softmax(1)
        if self.gate is None:
            return p
        outside = self.gate.outside(logits)[:, None]
        return torch.cat([p * (1 - outside), outside], 1)

    @property
    def all_labels(self) -> list[str]:
        return [*self.labels, self.gate.label] if self.gate else list(self.labels)

    def answers(self, logits: Tensor) -> list[str]:
        return [self.all_labels[index] for index in self.probabilities(logits).argmax(1).tolist()]

    def confidence(self, logits: Tensor) -> np.ndarray:
        return self.probabilities(logits).amax(1).numpy()


@dataclass(frozen=True)
class MultiLabel:
    labels: Sequence[str]
    thresholds: Sequence[float]
    temperature: float = 1.0

    def shifted(self, logits: Tensor) -> Tensor:
        """Logits in which every threshold lies at zero."""
        return logits / self.temperature - torch.tensor(self.thresholds, dtype=torch.float32).logit()

    def given(self, logits: Tensor) -> np.ndarray:
        return (self.shifted(logits) >= 0).numpy()

    def answers(self, logits: Tensor) -> list[frozenset[str]]:
        return [frozenset(label for label, on in zip(self.labels, row) if on) for row in self.given(logits)]

    def confidence(self, logits: Tensor) -> np.ndarray:
        return torch.sigmoid(self.shifted(logits).abs()).amin(1).numpy()


def of_card(head: dict[str, Any]) -> SingleLabel | MultiLabel:
    if head["kind"] == "multi-label":
        return MultiLabel(head["labels"], head["thresholds"], head["temperature"])
    gate = head["gate"] and Gate(**{key: head["gate"][key] for key in ("temperature", "threshold", "scale", "label")})
    return SingleLabel(head["labels"], head["temperature"], gate or None)


def left_at(
    exit_logits: Sequence[Tensor], leave_from: Sequence[float], rule: SingleLabel, strange: Sequence[np.ndarray]
) -> np.ndarray:
    """The number of the exit that answers each text: of the first exit that is sure enough and knows such texts, or of the head.

    - Parameters:
      - exit_logits: the logits of each exit and of the head, one row a text.
      - strange: for each exit, which texts its guard does not know.
    """
    left = np.full(len(exit_logits[-1]), len(exit_logits) - 1)
    for number in reversed(range(len(leave_from))):
        left[(rule.confidence(exit_logits[number].double()) >= leave_from[number]) & ~strange[number]] = number
    return left


def of_exits(exit_logits: Sequence[Tensor], left: np.ndarray) -> Tensor:
    """The logits of the exit that each text left at."""
    return torch.stack(list(exit_logits))[torch.from_numpy(left), torch.arange(len(left))]
