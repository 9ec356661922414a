"""The importance of each head, feed-forward unit and residual channel for one capability: first-order |gradient × mask|."""

from __future__ import annotations

import random
from collections.abc import Sequence
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


def measure(model: Encoder, examples: dict[str, tuple[Sequence[list[int]], Tensor]], items: int = 640) -> Importance:
    """- Parameter examples: for each head its encoded texts and the teacher's probabilities, which the cut should preserve."""
    layers = len(model.layers)
    heads = torch.zeros(layers, model.shape.head_count)
    units = torch.zeros(layers, model.shape.feed_forward_size)
    channels = torch.zeros(model.shape.hidden_size)
    model.eval()
    for parameter in model.parameters():
        parameter.requires_grad_(False)
    for layer in model.layers:
        layer.head_mask = torch.ones(model.shape.head_count, requires_grad=True)
        layer.unit_mask = torch.ones(model.shape.feed_forward_size, requires_grad=True)
    model.channel_mask = torch.ones(model.shape.hidden_size, requires_grad=True)
    masks = [*(layer.head_mask for layer in model.layers), *(layer.unit_mask for layer in model.layers), model.channel_mask]
    for key, (encoded, target) in examples.items():
        chosen = random.Random(f"{SEED} importance {key}").sample(range(len(encoded)), min(items, len(encoded)))
        for batch in by_length([len(encoded[row]) for row in chosen], 16):
            rows = [chosen[number] for number in batch]
            ids, mask = pad([encoded[row] for row in rows])
            with processor.autocast():
                logits = model(ids, mask, key)
            gradients = torch.autograd.grad(_loss(logits.float(), target[rows]), masks)
            heads += torch.stack(gradients[:layers]).abs()
            units += torch.stack(gradients[layers : 2 * layers]).abs()
            channels += gradients[-1].abs()
    for layer in model.layers:
        layer.head_mask = layer.unit_mask = None
    model.channel_mask = None
    return Importance(heads, units, channels)


def _loss(logits: Tensor, target: Tensor) -> Tensor:
    """Cross entropy against one-hot or soft rows, or binary cross entropy if rows need not sum to one."""
    if bool(((target.sum(1) - 1).abs() > 1e-3).any()):
        return F.binary_cross_entropy_with_logits(logits, target)
    return F.cross_entropy(logits, target)
