"""Counts multiply-adds of the matrix products, two operations each."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median

from .encoder import Shape


def per_token(shape: Shape, length: float) -> float:
    """One token in a text of `length` tokens."""
    h, a, f = shape.hidden_size, shape.attention_size, shape.feed_forward_size
    weights = h * 3 * a + a * h + 2 * h * f
    return 2 * shape.layers * (weights + 2 * length * a)


def per_head(shape: Shape, labels: int) -> int:
    return 2 * shape.hidden_size * labels


def per_item(shape: Shape, length: float, labels: int) -> float:
    return length * per_token(shape, length) + per_head(shape, labels)


def share(small: Shape, full: Shape, small_lengths: Sequence[int], full_lengths: Sequence[int], labels: int) -> float:
    """Of the full model's work on the item of median length, each in its own tokens."""
    return (per_item(small, median(small_lengths), labels) / per_item(full, median(full_lengths), labels))
