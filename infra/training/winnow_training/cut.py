"""Cuts a small encoder out of the full one: layers, heads, feed-forward units, channels, vocabulary."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import torch
from torch import Tensor, nn

from .encoder import Encoder
from .importance import Importance
from .tokenizer import full_tokenizer


@dataclass(frozen=True)
class Recipe:
    """The sizes of a cut model."""

    layers: int
    heads: int
    feed_forward_size: int
    channels: int
    vocabulary: int
    positions: int
    depths: Mapping[str, int] = field(default_factory=dict)  # for heads that do not need all layers
    dropout: float = 0.0  # a model this small needs dropout only if it has few texts


@dataclass(frozen=True)
class Cut:
    model: Encoder
    vocabulary: list[str]
    channels: Tensor  # those of the full model that were kept
    card: dict[str, Any]


def cut(full: Encoder, importance: Importance, recipe: Recipe, vocabulary: Sequence[str], heads: Sequence[str]) -> Cut:
    """Keeps the first layers, because later layers lack their inputs once channels are removed."""
    channels = _best(importance.channels, recipe.channels)
    kept_heads = [_best(importance.heads[layer], recipe.heads) for layer in range(recipe.layers)]
    kept_units = [_best(importance.units[layer], recipe.feed_forward_size) for layer in range(recipe.layers)]
    shape = replace(full.shape, layers=recipe.layers, hidden_size=recipe.channels, head_count=recipe.heads,
                    feed_forward_size=recipe.feed_forward_size, vocabulary_size=len(vocabulary), positions=recipe.positions)
    small = Encoder(shape, {key: full.head(key).out_features for key in heads}, dropout=recipe.dropout, depths=recipe.depths)
    rows = torch.tensor([full_tokenizer().ids[piece] for piece in vocabulary])
    with torch.no_grad():
        small.word.weight.copy_(full.word.weight[rows][:, channels])
        small.position.weight.copy_(full.position.weight[: recipe.positions, channels])
        _norm(small.norm, full.norm, channels)
        for index, layer in enumerate(small.layers):
            source, size = full.layers[index], full.shape.head_size
            spread = torch.cat([torch.arange(head * size, (head + 1) * size) for head in kept_heads[index].tolist()])
            triple = torch.cat([spread + part * full.shape.attention_size for part in range(3)])
            _linear(layer.qkv, source.qkv, triple, channels)
            _linear(layer.output, source.output, channels, spread)
            _norm(layer.attention_norm, source.attention_norm, channels)
            _linear(layer.up, source.up, kept_units[index], channels)
            _linear(layer.down, source.down, channels, kept_units[index])
            _norm(layer.feed_forward_norm, source.feed_forward_norm, channels)
        for key in heads:
            narrow(small.head(key), full.head(key), channels)
    card = {"layersKept": list(range(recipe.layers)), "headsKept": [kept.tolist() for kept in kept_heads],
            "feedForwardKept": recipe.feed_forward_size, "channelsKept": recipe.channels, "vocabularyKept": len(vocabulary)}
    return Cut(small, list(vocabulary), channels, card)


def _best(worth: Tensor, count: int) -> Tensor:
    """The most important ones, in their original order."""
    return worth.topk(count).indices.sort().values


def narrow(target: nn.Linear, source: nn.Linear, channels: Tensor) -> None:
    """- Produces: the same outputs, from these inputs only."""
    _linear(target, source, torch.arange(source.out_features), channels)


def _linear(target: nn.Linear, source: nn.Linear, rows: Tensor, columns: Tensor) -> None:
    target.weight.copy_(source.weight[rows][:, columns])
    target.bias.copy_(source.bias[rows])


def _norm(target: nn.LayerNorm, source: nn.LayerNorm, channels: Tensor) -> None:
    target.weight.copy_(source.weight[channels])
    target.bias.copy_(source.bias[channels])
