"""Batches of token ids, grouped by length to reduce padding."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

PAD = 0


@dataclass(frozen=True)
class Batch:
    ids: Tensor
    mask: Tensor
    rows: list[int]


def pad(rows: Sequence[Sequence[int]]) -> tuple[Tensor, Tensor]:
    length = max(map(len, rows))
    ids = torch.full((len(rows), length), PAD, dtype=torch.long)
    mask = torch.zeros(len(rows), length, dtype=torch.bool)
    for row, tokens in enumerate(rows):
        ids[row, : len(tokens)] = torch.as_tensor(tokens)
        mask[row, : len(tokens)] = True
    return ids, mask


def by_length(lengths: Sequence[int], size: int, chance: random.Random | None = None) -> list[list[int]]:
    """Row numbers in batches of similar length, shuffled if `chance` is given, and in order of length otherwise."""
    order = list(range(len(lengths)))
    if chance is None:
        order.sort(key=lambda row: lengths[row])
        return [order[start : start + size] for start in range(0, len(order), size)]
    chance.shuffle(order)
    batches = []
    for start in range(0, len(order), size * 32):
        pool = sorted(order[start : start + size * 32], key=lambda row: lengths[row])
        batches += [pool[at : at + size] for at in range(0, len(pool), size)]
    chance.shuffle(batches)
    return batches


def in_order(rows: Sequence[Sequence[int]], tokens: int = 1024) -> Iterator[Batch]:
    """Every row once, for evaluation, in batches of about `tokens`, so that activations stay in the cache."""
    numbers: list[int] = []
    for number in sorted(range(len(rows)), key=lambda row: len(rows[row])):
        if numbers and (len(numbers) + 1) * len(rows[number]) > tokens:
            yield _batch(rows, numbers)
            numbers = []
        numbers.append(number)
    if numbers:
        yield _batch(rows, numbers)


def _batch(rows: Sequence[Sequence[int]], numbers: list[int]) -> Batch:
    ids, mask = pad([rows[number] for number in numbers])
    return Batch(ids, mask, numbers)
