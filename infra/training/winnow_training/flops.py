"""Counts multiply-adds of the matrix products, two operations each."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median

from .artifact import Artifact
from .encoder import Shape
from .tasks import max_tokens


def per_token(shape: Shape, length: float, layers: int) -> float:
    """One token in a text of `length` tokens, through the first layers."""
    h, a, f = shape.hidden_size, shape.attention_size, shape.feed_forward_size
    weights = h * 3 * a + a * h + 2 * h * f
    return 2 * layers * (weights + 2 * length * a)


def per_head(shape: Shape, labels: int) -> int:
    return 2 * shape.hidden_size * labels


def per_item(shape: Shape, length: float, labels: int, layers: int) -> float:
    return length * per_token(shape, length, layers) + per_head(shape, labels)


def share(small: Artifact, full: Artifact, key: str, texts: Sequence[str]) -> float:
    """Of the full model's work on the item of median length, each in its own tokens."""
    def work(model: Artifact) -> float:
        lengths = [len(row) for row in model.tokenizer.encode(texts, max_tokens(key))]
        return per_item(model.shape, median(lengths), len(model.tensors[f"heads.{key}.bias"]), model.depth(key))

    return work(small) / work(full)
