"""Exits: where a text that needs no more layers has its answer already.

An exit is a linear map of its own on the mean state after fewer layers than the head reads after. It is taught when the model
is done, on states as they run, to say what the head says; so it takes nothing from the head.
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

# After how many layers; none is the mean of the embeddings, a bag of words. Security has no exits: who attacks chooses the words.
LAYERS: dict[str, tuple[int, ...]] = {
    "semantic-understanding/intent": (0, 1), "legal-services/clause-type": (0, 1), "legal-services/unfair-term": (0, 1),
    "software-development/issue-type": (0, 1),
}

_TOLERANCE = 1 / 1000  # of the texts that leave at an exit, those of which the head would have said something else
_STEPS, _BATCH, _RATE = 4000, 512, 5e-3
_ENERGY = 0.02  # of the squared distance of log-sum-exps, which the gate goes by


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
    """Makes the exits as sure as they are right, by the head's temperature: certificates compare the confidences of all."""
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
    """The confidence from which on a text leaves, for each exit: the lowest that keeps to the tolerance.

    It needs neither labels nor the full model, but texts that no exit has learned from.
    """
    if not small.exits.get(key):
        return []
    *early, last = small.rungs(pools.build(key, "untaught").texts, key)
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
    """1, from which on hardly anything leaves, where not even the most certain keep to the tolerance."""
    order = np.argsort(-confidence, kind="stable")
    wrong = np.cumsum(differs[order])
    kept = np.flatnonzero(wrong <= _TOLERANCE * np.arange(1, len(order) + 1))
    return float(confidence[order[kept[-1]]]) if len(kept) else 1.0
