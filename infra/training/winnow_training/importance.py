"""The importance of each head, feed-forward unit and residual channel for one capability: first-order |gradient × mask|."""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from . import processor
from .batches import by_length, pad
from .encoder import Encoder
from .tasks import SEED


@dataclass(frozen=True)
class Importance:
    heads: Tensor  # [layers, heads]
    units: Tensor  # [layers, feed-forward units]
    channels: Tensor  # [hidden size]


def measure(model: Encoder, losses: Iterable[Tensor]) -> Importance:
    """- Parameter losses: computed one after another, while the model has masks."""
    model.eval()
    for parameter in model.parameters():
        parameter.requires_grad_(False)
    for layer in model.layers:
        layer.head_mask = torch.ones(model.shape.head_count, requires_grad=True)
        layer.unit_mask = torch.ones(model.shape.feed_forward_size, requires_grad=True)
    model.channel_mask = torch.ones(model.shape.hidden_size, requires_grad=True)
    masks = [*(layer.head_mask for layer in model.layers), *(layer.unit_mask for layer in model.layers), model.channel_mask]
    sums = [torch.zeros_like(mask) for mask in masks]
    for value in losses:
        for total, gradient in zip(sums, torch.autograd.grad(value, masks), strict=True):
            total += gradient.abs()
    for layer in model.layers:
        layer.head_mask = layer.unit_mask = None
    model.channel_mask = None
    layers = len(model.layers)
    return Importance(torch.stack(sums[:layers]), torch.stack(sums[layers : 2 * layers]), sums[-1])


def of_tasks(model: Encoder, examples: dict[str, tuple[Sequence[list[int]], Tensor]], items: int = 640) -> Importance:
    """- Parameter examples: for each head its encoded texts and the teacher's probabilities, which the cut should preserve."""
    return measure(model, _losses(model, examples, items))


def _losses(model: Encoder, examples: dict[str, tuple[Sequence[list[int]], Tensor]], items: int) -> Iterator[Tensor]:
    for key, (encoded, target) in examples.items():
        chosen = random.Random(f"{SEED} importance {key}").sample(range(len(encoded)), min(items, len(encoded)))
        for batch in by_length([len(encoded[row]) for row in chosen], 16):
            rows = [chosen[number] for number in batch]
            ids, mask = pad([encoded[row] for row in rows])
            with processor.autocast():
                logits = model(ids, mask, key)
            yield F.cross_entropy(logits.float(), target[rows])
