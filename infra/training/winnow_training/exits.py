"""Exits, at which a text leaves once its answer is sure.

An exit is a separate linear map on the mean state after fewer layers than the head uses. It is trained when the model is
finished, on states as they occur at run time, to reproduce the head's answer. It therefore does not change the head.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor, nn

from . import pools
from .artifact import Artifact, exit_name
from .decision import SingleLabel
from .distil import imitation
from .tasks import SEED

# Numbers of layers; 0 is the mean of the embeddings, a bag of words. Security has no exits, because attackers choose the words.
LAYERS: dict[str, tuple[int, ...]] = {
    "semantic-understanding/intent": (0, 1), "legal-services/clause-type": (0, 1), "legal-services/unfair-term": (0, 1),
    "software-development/issue-type": (0, 1),
}

_TOLERANCE = 1 / 1000  # the share of the texts leaving at an exit for which the head would have given another answer
_STEPS, _BATCH, _RATE = 4000, 512, 5e-3
_ENERGY = 0.02  # weight of the squared distance of log-sum-exps, which the gate uses


def teach(small: Artifact, key: str) -> None:
    """- Produces: the tensors of the task's exits, in the artifact."""
    early = LAYERS.get(key, ())
    if not early:
        return
    *states, last = small.states(pools.build(key, "taught").texts, key, [*early, small.depth(key)])
    said = small.encoder.read(last, f"heads.{key}")
    for layers, state in zip(early, states):
        name = exit_name(key, layers)
        small.tensors[f"{name}.weight"], small.tensors[f"{name}.bias"] = _imitate(state, said)
    small.exits[key] = early


def scale(small: Artifact, key: str, factors: Sequence[float]) -> None:
    """Calibrates the exits at the head's temperature, because certificates compare the confidences of exits and head."""
    for layers, factor in zip(small.exits.get(key, ()), factors):
        for part in ("weight", "bias"):
            small.tensors[f"{exit_name(key, layers)}.{part}"] *= factor


def _imitate(states: Tensor, said: Tensor) -> tuple[Tensor, Tensor]:
    """- Produces: weight and bias of the map from states to logits."""
    torch.manual_seed(SEED)
    mean, deviation = states.mean(0), states.std(0) + 1e-6
    head = nn.Linear(states.shape[1], said.shape[1])
    optimizer = torch.optim.AdamW(head.parameters(), lr=_RATE, weight_decay=1e-4)
    decay = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: 1 - step / _STEPS)
    for _ in range(_STEPS):
        rows = torch.randint(0, len(states), (_BATCH,))
        logits, target = head((states[rows] - mean) / deviation), said[rows]
        energy = (logits.logsumexp(1) - target.logsumexp(1)).square().mean()
        optimizer.zero_grad(set_to_none=True)
        (imitation(logits, target) + _ENERGY * energy).backward()
        optimizer.step()
        decay.step()
    weight = head.weight.detach() / deviation
    return weight.contiguous(), head.bias.detach() - weight @ mean


def leave_from(small: Artifact, key: str, rule: SingleLabel) -> list[float]:
    """The confidence from which a text leaves, for each exit: the lowest within the tolerance.

    It needs neither labels nor the full model, only texts that no exit has learned from.
    """
    if not small.exits.get(key):
        return []
    *early, last = small.points(pools.build(key, "untaught").texts, key).logits
    expected = np.array(rule.answers(last))
    staying = np.arange(len(expected))
    thresholds: list[float] = []
    for logits in early:
        confidence = rule.confidence(logits.double())[staying]
        differs = np.array(rule.answers(logits))[staying] != expected[staying]
        thresholds.append(_lowest(confidence, differs))
        staying = staying[confidence < thresholds[-1]]
    return thresholds


def _lowest(confidence: np.ndarray, differs: np.ndarray) -> float:
    """The lowest threshold within the tolerance, or 1, at which hardly any text leaves, if there is none."""
    order = np.argsort(-confidence, kind="stable")
    wrong = np.cumsum(differs[order])
    kept = np.flatnonzero(wrong <= _TOLERANCE * np.arange(1, len(order) + 1))
    return float(confidence[order[kept[-1]]]) if len(kept) else 1.0
