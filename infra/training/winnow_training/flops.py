"""Counts multiply-adds of the matrix products, two operations each."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

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


def work(model: Artifact, key: str, texts: Sequence[str], left: np.ndarray | None = None) -> float:
    """On all the texts, in the model's own tokens.

    - Parameter left: the number of the exit that answers each; the head where nothing is said.
    """
    depths = model.rung_depths(key)
    rows = len(model.tensors[f"heads.{key}.bias"]) + (f"guards.heads.{key}.bias" in model.tensors)
    numbers = left if left is not None else [len(depths) - 1] * len(texts)
    return sum(len(row) * per_token(model.shape, len(row), depths[number]) + (number + 1) * per_head(model.shape, rows)
               for row, number in zip(model.tokenizer.encode(texts, max_tokens(key)), numbers))


def tokens(model: Artifact, key: str, texts: Sequence[str]) -> int:
    return sum(map(len, model.tokenizer.encode(texts, max_tokens(key))))
