"""Exports an artifact to ONNX, fp32 and dynamic int8, so that ONNX Runtime can be timed and compared on the same model.

`python -m winnow_training.onnx_export --model NAME --out DIR` writes `NAME.TASK.fp32.onnx` and `NAME.TASK.int8.onnx` for every
head, with the layers that it uses. The inputs `ids` and `mask` are `[batch, length]` int64. The graph has the pattern that the
runtime's optimizer knows from BERT, so attention, GELU and LayerNorm are fused as in production.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from onnxruntime.quantization import QuantType, quantize_dynamic


class Exportable(Protocol):
    """What a graph is written from: an `Artifact`, or a reader of its files that does without torch."""

    @property
    def name(self) -> str: ...

    @property
    def tensors(self) -> Mapping[str, Any]: ...

    @property
    def shape(self) -> Any: ...

    def depth(self, key: str) -> int: ...


class _Graph:
    """Collects nodes and weights, naming results as it goes."""

    def __init__(self) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.weights: list[onnx.TensorProto] = []

    def add(self, kind: str, *inputs: str, name: str | None = None, **attributes: object) -> str:
        output = name or f"t{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, list(inputs), [output], **attributes))
        return output

    def weight(self, name: str, value: np.ndarray) -> str:
        self.weights.append(numpy_helper.from_array(np.ascontiguousarray(value), name))
        return name

    def shape(self, *dimensions: int) -> str:
        return self.weight(f"s{len(self.weights)}", np.array(dimensions, dtype=np.int64))

    def scalar(self, value: float) -> str:
        return self.weight(f"c{len(self.weights)}", np.array(value, dtype=np.float32))


class _Builder:
    """One head of an encoder in ONNX operators, weights dequantized.

    - Parameter pooled: ends with the text's state, which the head reads, so that heads of one depth can share the graph.
    """

    def __init__(self, model: Exportable, key: str, pooled: bool = False) -> None:
        self.model, self.key, self.pooled, self.graph = model, key, pooled, _Graph()

    def build(self) -> onnx.ModelProto:
        graph, key = self.graph, self.key
        word = graph.weight("word", self._dense("embeddings.word"))
        position = graph.weight("position", self._raw("embeddings.position.weight"))
        length = graph.add("Shape", "ids", start=1, end=2)
        rows = graph.add("Slice", position, graph.shape(0), length)
        x = self._norm("embeddings.norm", graph.add("Add", graph.add("Gather", word, "ids"), rows))
        mask = graph.add("Cast", "mask", to=TensorProto.FLOAT)
        spread = graph.add("Unsqueeze", mask, graph.shape(1, 2))
        hidden = graph.add("Mul", graph.add("Sub", graph.scalar(1.0), spread), graph.scalar(-10000.0))
        for index in range(self.model.depth(key)):
            x = self._layer(f"layers.{index}", x, hidden)
        tokens = graph.add("Unsqueeze", mask, graph.shape(2))
        total = graph.add("ReduceSum", graph.add("Mul", x, tokens), graph.shape(1), keepdims=0)
        count = graph.add("ReduceSum", mask, graph.shape(1), keepdims=1)
        output = graph.add("Div", total, count)
        if not self.pooled:
            weight = graph.weight(f"{key}.weight", self._raw(f"heads.{key}.weight"))
            bias = graph.weight(f"{key}.bias", self._raw(f"heads.{key}.bias"))
            output = graph.add("Gemm", output, weight, bias, name=key, transB=1)
        outputs = [helper.make_tensor_value_info(output, TensorProto.FLOAT, ["batch", None])]
        inputs = [helper.make_tensor_value_info(name, TensorProto.INT64, ["batch", "length"]) for name in ("ids", "mask")]
        body = helper.make_graph(graph.nodes, self.model.name, inputs, outputs, graph.weights)
        built = helper.make_model(body, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
        onnx.checker.check_model(built)
        return built

    def _layer(self, prefix: str, x: str, hidden: str) -> str:
        graph, shape = self.graph, self.model.shape
        weights = np.split(self._dense(f"{prefix}.attention.qkv"), 3)
        biases = np.split(self._raw(f"{prefix}.attention.qkv.bias"), 3)
        parts = []
        for name, weight, bias in zip("qkv", weights, biases):
            flat = self._linear(f"{prefix}.{name}", x, weight, bias)
            split = graph.add("Reshape", flat, graph.shape(0, 0, shape.head_count, shape.head_size))
            parts.append(graph.add("Transpose", split, perm=[0, 2, 3, 1] if name == "k" else [0, 2, 1, 3]))
        scores = graph.add("Div", graph.add("MatMul", parts[0], parts[1]), graph.scalar(shape.head_size**0.5))
        attention = graph.add("Softmax", graph.add("Add", scores, hidden), axis=-1)
        mixed = graph.add("Transpose", graph.add("MatMul", attention, parts[2]), perm=[0, 2, 1, 3])
        mixed = graph.add("Reshape", mixed, graph.shape(0, 0, shape.attention_size))
        out = self._named_linear(f"{prefix}.attention.output", mixed)
        x = self._norm(f"{prefix}.attention.norm", graph.add("Add", out, x))
        up = self._named_linear(f"{prefix}.feedForward.up", x)
        curve = graph.add("Erf", graph.add("Div", up, graph.scalar(2**0.5)))
        units = graph.add("Mul", graph.add("Mul", up, graph.add("Add", curve, graph.scalar(1.0))), graph.scalar(0.5))
        down = self._named_linear(f"{prefix}.feedForward.down", units)
        return self._norm(f"{prefix}.feedForward.norm", graph.add("Add", down, x))

    def _named_linear(self, name: str, x: str) -> str:
        return self._linear(name, x, self._dense(name), self._raw(f"{name}.bias"))

    def _linear(self, name: str, x: str, weight: np.ndarray, bias: np.ndarray) -> str:
        product = self.graph.add("MatMul", x, self.graph.weight(f"{name}.weight", weight.T))
        return self.graph.add("Add", self.graph.weight(f"{name}.bias", bias), product)

    def _norm(self, name: str, x: str) -> str:
        scale = self.graph.weight(f"{name}.weight", self._raw(f"{name}.weight"))
        bias = self.graph.weight(f"{name}.bias", self._raw(f"{name}.bias"))
        return self.graph.add("LayerNormalization", x, scale, bias, axis=-1, epsilon=self.model.shape.layer_norm_epsilon)

    def _raw(self, name: str) -> np.ndarray:
        return self.model.tensors[name].numpy()

    def _dense(self, name: str) -> np.ndarray:
        return self._raw(f"{name}.weight").astype(np.float32) * self._raw(f"{name}.scale")[:, None]


def export(model: Exportable, key: str, folder: Path, pooled: bool = False) -> tuple[Path, Path]:
    """- Produces: the fp32 and the int8 file of one head; with `pooled` of the layers that it reads after."""
    folder.mkdir(parents=True, exist_ok=True)
    stem = f"{model.name}.{key.split('/')[1]}"
    plain, quantized = folder / f"{stem}.fp32.onnx", folder / f"{stem}.int8.onnx"
    onnx.save(_Builder(model, key, pooled).build(), str(plain))
    with tempfile.TemporaryDirectory() as scratch:
        fused = Path(scratch) / "fused.onnx"
        _fuse(plain, fused)
        quantize_dynamic(str(fused), str(quantized), weight_type=QuantType.QInt8, per_channel=True,
                         extra_options={"DefaultTensorType": TensorProto.FLOAT})
    return plain, quantized


def _fuse(source: Path, target: Path) -> None:
    """Applies the runtime's extended optimizations before quantization, after which it no longer recognizes the patterns."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_EXTENDED
    options.optimized_model_filepath = str(target)
    onnxruntime.InferenceSession(str(source), options, providers=["CPUExecutionProvider"])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", required=True)
    parser.add_argument("--out", required=True, type=Path)
    arguments = parser.parse_args()
    from .artifact import Artifact

    model = Artifact.load(arguments.model)
    for key in model.encoder.head_names():
        for path in export(model, key, arguments.out):
            print(path)


if __name__ == "__main__":
    main()
