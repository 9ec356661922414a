"""AdamW with a warm cosine, as every part of the training descends."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

_MEMORY = 0.998  # decay of the mean of the weights over the second half, which answers better than the final weights


class Descent:
    """Takes steps down the gradient of losses.

    - Parameters:
      - groups: what learns, as an optimizer takes it.
      - clipped: of these, the gradients that are clipped together.
      - total: the steps of the learning rate's cosine.
    """

    def __init__(self, groups: Sequence[Any], clipped: Sequence[nn.Parameter], total: int, rate: float = 1e-3) -> None:
        self._clipped, self._total, self._done = clipped, total, 0
        self._optimizer = torch.optim.AdamW(groups, lr=rate, weight_decay=0.01, fused=True)
        self._scale = torch.optim.lr_scheduler.LambdaLR(self._optimizer, lambda step: warm_cosine(step, total))

    def step(self, loss: Tensor, average: AveragedModel | None = None, model: nn.Module | None = None) -> None:
        """- Parameter average: takes the model's weights in from the second half on."""
        self._optimizer.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(self._clipped, 1.0)
        self._optimizer.step()
        self._scale.step()
        if average is not None and 2 * self._done > self._total:
            average.update_parameters(model)
        self._done += 1


def averaged(model: nn.Module) -> AveragedModel:
    return AveragedModel(model, multi_avg_fn=get_ema_multi_avg_fn(_MEMORY))


def groups_of(body: Sequence[nn.Parameter], heads: Sequence[nn.Parameter], rate: float) -> list[dict[str, Any]]:
    """Heads begin without knowledge, and learn ten times as fast."""
    return [{"params": body, "lr": rate}, {"params": heads, "lr": 10 * rate}]


def warm_cosine(step: int, total: int, warm: float = 0.06) -> float:
    if step < warm * total:
        return (step + 1) / (warm * total)
    return 0.02 + 0.98 * 0.5 * (1 + math.cos(math.pi * (step - warm * total) / ((1 - warm) * total)))
