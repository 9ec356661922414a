"""`python -m peer.export` writes the graphs that `Classifier` runs, by the exporter of infra/training, without torch.

A graph ends before the head: heads that read after as many layers share it, and stay in f32, as in Winnow.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Any

import numpy as np
from winnow_training.onnx_export import export

from .bus import CAPABILITIES
from .classifier import GRAPHS, depth, graph, read


@dataclass(frozen=True)
class Weights:
    """Stands in for a tensor: the exporter asks for nothing but its array."""

    array: np.ndarray

    def numpy(self) -> np.ndarray:
        return self.array


@dataclass(frozen=True)
class Shape:
    head_count: int
    head_size: int
    layer_norm_epsilon: float

    @property
    def attention_size(self) -> int:
        return self.head_count * self.head_size


@dataclass(frozen=True)
class StoredModel:
    """What the exporter needs of an artifact."""

    name: str
    tensors: dict[str, Weights]
    shape: Shape
    layers: int

    def depth(self, key: str) -> int:
        return self.layers


def export_graphs(name: str) -> None:
    card, file = read(name)
    tensors = {key: Weights(file.get_tensor(key)) for key in file.keys()}
    encoder: dict[str, Any] = card["encoder"]
    shape = Shape(encoder["headCount"], encoder["headSize"], encoder["layerNormEpsilon"])
    for layers, head in {depth(card, head): head for head in card["heads"]}.items():
        model = StoredModel(name, tensors, shape, layers)
        plain, quantized = export(model, f"{head['capability']}/{head['task']}", GRAPHS, pooled=True)
        plain.unlink()
        os.replace(quantized, graph(name, layers))


if __name__ == "__main__":
    GRAPHS.mkdir(parents=True, exist_ok=True)
    for model_name in (*CAPABILITIES, "full"):
        export_graphs(model_name)
