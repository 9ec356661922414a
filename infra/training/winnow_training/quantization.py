"""Int8 as the Swift runtime computes it: the same rounding, the same int32 sums, f32 for the rest."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from . import processor
from .encoder import Encoder, Shape
from .tasks import ROUTE


def quantize_rows(weight: Tensor) -> tuple[Tensor, Tensor]:
    """Symmetric int8 with one scale for each output row."""
    peak = weight.abs().amax(1)
    scale = torch.where(peak > 0, peak / 127, torch.ones_like(peak))
    return (weight / scale[:, None]).round().clamp(-127, 127).to(torch.int8), scale


def tensors(model: Encoder) -> dict[str, Tensor]:
    """A trained encoder as the tensors of an artifact, without the vocabulary."""
    found: dict[str, Tensor] = {}
    for name, module, in_int8 in _parts(model):
        weight = module.weight.detach().float()
        if in_int8:
            found[f"{name}.weight"], found[f"{name}.scale"] = quantize_rows(weight)
        else:
            found[f"{name}.weight"] = weight
        if not isinstance(module, nn.Embedding):
            found[f"{name}.bias"] = module.bias.detach().float()
    return {name: tensor.clone().contiguous() for name, tensor in found.items()}


def dequantized(shape: Shape, tensors: dict[str, Tensor], heads: Sequence[str]) -> Encoder:
    """The inverse of `tensors`, as precise as int8 allows: the model that runs, in a form that can be cut and trained."""
    model = Encoder(shape, {key: tensors[f"heads.{key}.bias"].shape[0] for key in heads}, dropout=0.0)
    with torch.no_grad():
        for name, module, in_int8 in _parts(model):
            weight = tensors[f"{name}.weight"]
            module.weight.copy_(weight.float() * tensors[f"{name}.scale"][:, None] if in_int8 else weight)
            if not isinstance(module, nn.Embedding):
                module.bias.copy_(tensors[f"{name}.bias"])
    return model.eval()


def _parts(model: Encoder) -> Iterator[tuple[str, nn.Embedding | nn.Linear | nn.LayerNorm, bool]]:
    """Each part's name in an artifact, and whether its weight is stored in int8."""
    yield "embeddings.word", model.word, True
    yield "embeddings.position", model.position, False
    yield "embeddings.norm", model.norm, False
    for index, layer in enumerate(model.layers):
        prefix = f"layers.{index}"
        yield f"{prefix}.attention.qkv", layer.qkv, True
        yield f"{prefix}.attention.output", layer.output, True
        yield f"{prefix}.attention.norm", layer.attention_norm, False
        yield f"{prefix}.feedForward.up", layer.up, True
        yield f"{prefix}.feedForward.down", layer.down, True
        yield f"{prefix}.feedForward.norm", layer.feed_forward_norm, False
    for key, head in zip(model.head_names, model.heads):
        yield f"heads.{key}", head, False


_EXACT_IN_F32 = 2**24 // 127**2  # the number of products of two int8 whose sum is exact in f32, in any order


def _sums(left: Tensor, weight: Tensor) -> Tensor:
    """Sums of int8 products, as f32. They are exact in f32, which is faster than emulated int8."""
    if processor.HAS_INT8:
        return torch._int_mm(left, weight.t()).float()
    parts = zip(left.float().split(_EXACT_IN_F32, 1), weight.float().split(_EXACT_IN_F32, 1))
    return sum(part @ rows.t() for part, rows in parts)


class QuantizedEncoder:
    """Runs an artifact's tensors. Tokens are packed, so padding never enters a product."""

    def __init__(self, shape: Shape, tensors: dict[str, Tensor]) -> None:
        self.shape = shape
        self.tensors = tensors
        self.word = tensors["embeddings.word.weight"].float() * tensors["embeddings.word.scale"][:, None]

    def head_names(self) -> list[str]:
        """The heads that read the mean of a text."""
        names = [name[len("heads.") : -len(".weight")] for name in self.tensors
                 if name.startswith("heads.") and name.endswith(".weight")]
        return [name for name in names if name != ROUTE]

    @torch.inference_mode()
    def states(self, ids: Tensor, mask: Tensor, depths: Sequence[int]) -> list[Tensor]:
        """The mean of all tokens after each number of layers in `depths`."""
        return [padded.sum(1) / mask.sum(1, keepdim=True) for padded in self._token_states(ids, mask, depths)]

    @torch.inference_mode()
    def marked_states(self, ids: Tensor, marks: Tensor, mask: Tensor) -> Tensor:
        """The state of each token of a reader after the last layer."""
        return next(self._token_states(ids, mask, [self.shape.layers], marks))

    def _token_states(
        self, ids: Tensor, mask: Tensor, depths: Sequence[int], marks: Tensor | None = None
    ) -> Iterator[Tensor]:
        batch, length = ids.shape
        x = self.word[ids[mask]] + self.tensors["embeddings.position.weight"][:length].expand(batch, -1, -1)[mask]
        if marks is not None:
            x = x + self.tensors["embeddings.mark.weight"][marks[mask]]
        x = self._norm("embeddings.norm", x)
        done = 0
        for layers in depths:
            for index in range(done, layers):
                x = self._layer(f"layers.{index}", x, mask)
            done = layers
            padded = torch.zeros(batch, length, x.shape[1])
            padded[mask] = x
            yield padded

    @torch.inference_mode()
    def read(self, pooled: Tensor, name: str) -> Tensor:
        """The logits of a head or an exit."""
        return F.linear(pooled, self.tensors[f"{name}.weight"], self.tensors[f"{name}.bias"])

    def _layer(self, prefix: str, x: Tensor, mask: Tensor) -> Tensor:
        mixed = self._attend(self._linear(f"{prefix}.attention.qkv", x), mask)
        x = self._norm(f"{prefix}.attention.norm", x + self._linear(f"{prefix}.attention.output", mixed))
        units = F.gelu(self._linear(f"{prefix}.feedForward.up", x))
        return self._norm(f"{prefix}.feedForward.norm", x + self._linear(f"{prefix}.feedForward.down", units))

    def _linear(self, name: str, x: Tensor) -> Tensor:
        weight, scale, bias = (self.tensors[f"{name}.{part}"] for part in ("weight", "scale", "bias"))
        peak = torch.linalg.vector_norm(x, float("inf"), 1, keepdim=True)
        step = torch.where(peak > 0, peak / 127, torch.ones_like(peak))
        quantized = (x / step).round_().to(torch.int8)  # torch rounds halves to even; the maximum becomes 127
        return _sums(quantized, weight).mul_(step).mul_(scale).add_(bias)

    def _attend(self, qkv: Tensor, mask: Tensor) -> Tensor:
        batch, length = mask.shape
        padded = torch.zeros(batch, length, qkv.shape[1])
        padded[mask] = qkv
        parts = padded.view(batch, length, 3, self.shape.head_count, self.shape.head_size).permute(2, 0, 3, 1, 4)
        mixed = F.scaled_dot_product_attention(*parts, attn_mask=mask[:, None, None, :])
        return mixed.transpose(1, 2).reshape(batch, length, -1)[mask]

    def _norm(self, name: str, x: Tensor) -> Tensor:
        return F.layer_norm(x, (self.shape.hidden_size,), self.tensors[f"{name}.weight"], self.tensors[f"{name}.bias"],
                            self.shape.layer_norm_epsilon)
