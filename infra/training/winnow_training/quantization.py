"""Int8 as the Swift runtime computes it: the same rounding, the same int32 sums, f32 for the rest."""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .encoder import Encoder, Shape


def quantize_rows(weight: Tensor) -> tuple[Tensor, Tensor]:
    """Symmetric int8, one scale an output row."""
    peak = weight.abs().amax(1)
    scale = torch.where(peak > 0, peak / 127, torch.ones_like(peak))
    return (weight / scale[:, None]).round().clamp(-127, 127).to(torch.int8), scale


def tensors(model: Encoder) -> dict[str, Tensor]:
    """A trained encoder as the tensors of an artifact, the vocabulary left out."""
    found: dict[str, Tensor] = {}

    def int8(name: str, weight: Tensor, bias: Tensor | None = None) -> None:
        found[f"{name}.weight"], found[f"{name}.scale"] = quantize_rows(weight.detach().float())
        if bias is not None:
            found[f"{name}.bias"] = bias.detach().float()

    def norm(name: str, module: torch.nn.LayerNorm) -> None:
        found[f"{name}.weight"], found[f"{name}.bias"] = module.weight.detach().float(), module.bias.detach().float()

    int8("embeddings.word", model.word.weight)
    found["embeddings.position.weight"] = model.position.weight.detach().float()
    norm("embeddings.norm", model.norm)
    for index, layer in enumerate(model.layers):
        prefix = f"layers.{index}"
        int8(f"{prefix}.attention.qkv", layer.qkv.weight, layer.qkv.bias)
        int8(f"{prefix}.attention.output", layer.output.weight, layer.output.bias)
        norm(f"{prefix}.attention.norm", layer.attention_norm)
        int8(f"{prefix}.feedForward.up", layer.up.weight, layer.up.bias)
        int8(f"{prefix}.feedForward.down", layer.down.weight, layer.down.bias)
        norm(f"{prefix}.feedForward.norm", layer.feed_forward_norm)
    for key, head in zip(model.head_names, model.heads):
        found[f"heads.{key}.weight"], found[f"heads.{key}.bias"] = head.weight.detach().float(), head.bias.detach().float()
    return {name: tensor.clone().contiguous() for name, tensor in found.items()}


def dequantized(shape: Shape, tensors: dict[str, Tensor], heads: Sequence[str]) -> Encoder:
    """The inverse of `tensors`, as near as int8 allows: what runs, in a form that can be cut and trained."""
    model = Encoder(shape, {key: tensors[f"heads.{key}.bias"].shape[0] for key in heads}, dropout=0.0)

    def row_scaled(name: str) -> Tensor:
        return tensors[f"{name}.weight"].float() * tensors[f"{name}.scale"][:, None]

    def linear(module: nn.Linear, name: str) -> None:
        module.weight.copy_(row_scaled(name))
        module.bias.copy_(tensors[f"{name}.bias"])

    def plain(module: nn.LayerNorm | nn.Linear, name: str) -> None:
        module.weight.copy_(tensors[f"{name}.weight"])
        module.bias.copy_(tensors[f"{name}.bias"])

    with torch.no_grad():
        model.word.weight.copy_(row_scaled("embeddings.word"))
        model.position.weight.copy_(tensors["embeddings.position.weight"])
        plain(model.norm, "embeddings.norm")
        for index, layer in enumerate(model.layers):
            prefix = f"layers.{index}"
            linear(layer.qkv, f"{prefix}.attention.qkv")
            linear(layer.output, f"{prefix}.attention.output")
            plain(layer.attention_norm, f"{prefix}.attention.norm")
            linear(layer.up, f"{prefix}.feedForward.up")
            linear(layer.down, f"{prefix}.feedForward.down")
            plain(layer.feed_forward_norm, f"{prefix}.feedForward.norm")
        for key in heads:
            plain(model.head(key), f"heads.{key}")
    return model.eval()


class QuantizedEncoder:
    """Runs an artifact's tensors. Tokens are packed, so padding never enters a product."""

    def __init__(self, shape: Shape, tensors: dict[str, Tensor]) -> None:
        self.shape = shape
        self.tensors = tensors
        self.word = tensors["embeddings.word.weight"].float() * tensors["embeddings.word.scale"][:, None]

    def head_names(self) -> list[str]:
        return [name[len("heads.") : -len(".weight")] for name in self.tensors
                if name.startswith("heads.") and name.endswith(".weight")]

    @torch.inference_mode()
    def pool(self, ids: Tensor, mask: Tensor) -> Tensor:
        batch, length = ids.shape
        x = self.word[ids[mask]] + self.tensors["embeddings.position.weight"][:length].expand(batch, -1, -1)[mask]
        x = self._norm("embeddings.norm", x)
        for index in range(self.shape.layers):
            prefix = f"layers.{index}"
            mixed = self._attend(self._linear(f"{prefix}.attention.qkv", x), mask)
            x = self._norm(f"{prefix}.attention.norm", x + self._linear(f"{prefix}.attention.output", mixed))
            units = F.gelu(self._linear(f"{prefix}.feedForward.up", x))
            x = self._norm(f"{prefix}.feedForward.norm", x + self._linear(f"{prefix}.feedForward.down", units))
        padded = torch.zeros(batch, length, x.shape[1])
        padded[mask] = x
        return padded.sum(1) / mask.sum(1, keepdim=True)

    @torch.inference_mode()
    def head(self, pooled: Tensor, key: str) -> Tensor:
        return F.linear(pooled, self.tensors[f"heads.{key}.weight"], self.tensors[f"heads.{key}.bias"])

    def _linear(self, name: str, x: Tensor) -> Tensor:
        weight, scale, bias = (self.tensors[f"{name}.{part}"] for part in ("weight", "scale", "bias"))
        peak = torch.linalg.vector_norm(x, float("inf"), 1, keepdim=True)
        step = torch.where(peak > 0, peak / 127, torch.ones_like(peak))
        quantized = (x / step).round_().to(torch.int8)  # torch rounds halves to even; the peak itself becomes 127
        return torch._int_mm(quantized, weight.t()).float().mul_(step).mul_(scale).add_(bias)

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
