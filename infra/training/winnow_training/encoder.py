"""The encoder in plain PyTorch: BERT's post-norm layers, mean pooling, one linear head for each task."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass

import torch
import torch.nn.functional as F
from safetensors.torch import load_file
from torch import Tensor, nn

from .tokenizer import PRETRAINED


@dataclass(frozen=True)
class Shape:
    """An encoder's dimensions; `head_count * head_size` may be less than `hidden_size` after a cut."""

    layers: int = 6
    hidden_size: int = 384
    head_count: int = 12
    head_size: int = 32
    feed_forward_size: int = 1536
    vocabulary_size: int = 30522
    positions: int = 256
    layer_norm_epsilon: float = 1e-12

    @property
    def attention_size(self) -> int:
        return self.head_count * self.head_size

    def to_dict(self) -> dict[str, int | float]:
        return asdict(self)


class Layer(nn.Module):
    """Attention and feed-forward, each followed by residual and LayerNorm.

    `head_mask` and `unit_mask` are ones. Their gradients measure the importance of a head or a unit (see importance.py).
    """

    def __init__(self, shape: Shape, dropout: float) -> None:
        super().__init__()
        self.shape = shape
        self.qkv = nn.Linear(shape.hidden_size, 3 * shape.attention_size)
        self.output = nn.Linear(shape.attention_size, shape.hidden_size)
        self.attention_norm = nn.LayerNorm(shape.hidden_size, eps=shape.layer_norm_epsilon)
        self.up = nn.Linear(shape.hidden_size, shape.feed_forward_size)
        self.down = nn.Linear(shape.feed_forward_size, shape.hidden_size)
        self.feed_forward_norm = nn.LayerNorm(shape.hidden_size, eps=shape.layer_norm_epsilon)
        self.dropout = nn.Dropout(dropout)
        self.head_mask: Tensor | None = None
        self.unit_mask: Tensor | None = None

    def forward(self, x: Tensor, attend: Tensor) -> Tensor:
        batch, length, _ = x.shape
        qkv = self.qkv(x).view(batch, length, 3, self.shape.head_count, self.shape.head_size)
        q, k, v = qkv.permute(2, 0, 3, 1, 4)
        # attention is written out: the fused kernel's backward pass on the CPU takes five times as long on texts this short
        scores = (q * self.shape.head_size**-0.5) @ k.transpose(2, 3)
        mixed = scores.masked_fill(~attend, float("-inf")).softmax(3).to(v.dtype) @ v
        if self.head_mask is not None:
            mixed = mixed * self.head_mask.view(1, -1, 1, 1)
        mixed = mixed.transpose(1, 2).reshape(batch, length, self.shape.attention_size)
        x = self.attention_norm(x + self.dropout(self.output(mixed)))
        units = F.gelu(self.up(x))
        if self.unit_mask is not None:
            units = units * self.unit_mask
        return self.feed_forward_norm(x + self.dropout(self.down(units)))


class Encoder(nn.Module):
    """Maps token ids to the logits of the requested head, one for each label.

    `depths` gives the number of layers after which a head reads. A head that is not listed reads after all layers.
    """

    def __init__(self, shape: Shape, heads: dict[str, int], dropout: float = 0.1, depths: Mapping[str, int] | None = None) -> None:
        super().__init__()
        self.shape = shape
        self.depths = dict(depths or {})
        self.word = nn.Embedding(shape.vocabulary_size, shape.hidden_size)
        self.position = nn.Embedding(shape.positions, shape.hidden_size)
        self.norm = nn.LayerNorm(shape.hidden_size, eps=shape.layer_norm_epsilon)
        self.dropout = nn.Dropout(dropout)
        self.layers = nn.ModuleList(Layer(shape, dropout) for _ in range(shape.layers))
        self.head_names = list(heads)  # a head's key contains dots and slashes, which ModuleDict does not allow
        self.heads = nn.ModuleList(nn.Linear(shape.hidden_size, size) for size in heads.values())
        self.channel_mask: Tensor | None = None

    def head(self, key: str) -> nn.Linear:
        return self.heads[self.head_names.index(key)]

    def states(self, ids: Tensor, mask: Tensor, layers: int | None = None, added: Tensor | None = None) -> Tensor:
        """The state of each token after the layers. `mask` is True where a token is real.

        - Parameter added: is added to the embeddings.
        """
        x = self.word(ids) + self.position.weight[: ids.shape[1]]
        x = self._kept(self.dropout(self.norm(x if added is None else x + added)))
        attend = mask[:, None, None, :]
        for layer in self.layers[:layers]:
            x = self._kept(layer(x, attend))
        return x

    def _kept(self, x: Tensor) -> Tensor:
        return x if self.channel_mask is None else x * self.channel_mask

    def pool(self, ids: Tensor, mask: Tensor, key: str) -> Tensor:
        """Mean over the real tokens, `[CLS]` and `[SEP]` included."""
        x = self.states(ids, mask, self.depths.get(key))
        weights = mask.to(x.dtype)
        return (x * weights[:, :, None]).sum(1) / weights.sum(1, keepdim=True)

    def forward(self, ids: Tensor, mask: Tensor, key: str) -> Tensor:
        return self.head(key)(self.pool(ids, mask, key))


def pretrained(heads: dict[str, int], shape: Shape = Shape()) -> Encoder:
    """MiniLM-L6 with new heads. The token-type row, which is the same for every input, is added to the positions."""
    raw = load_file(str(PRETRAINED / "model.safetensors"))
    model = Encoder(shape, heads)
    with torch.no_grad():
        model.word.weight.copy_(raw["embeddings.word_embeddings.weight"])
        model.position.weight.copy_(raw["embeddings.position_embeddings.weight"][: shape.positions]
                                    + raw["embeddings.token_type_embeddings.weight"][0])
        _copy(model.norm, raw, "embeddings.LayerNorm")
        for index, layer in enumerate(model.layers):
            prefix = f"encoder.layer.{index}."
            for suffix in ("weight", "bias"):
                parts = [raw[f"{prefix}attention.self.{name}.{suffix}"] for name in ("query", "key", "value")]
                getattr(layer.qkv, suffix).copy_(torch.cat(parts))
            _copy(layer.output, raw, prefix + "attention.output.dense")
            _copy(layer.attention_norm, raw, prefix + "attention.output.LayerNorm")
            _copy(layer.up, raw, prefix + "intermediate.dense")
            _copy(layer.down, raw, prefix + "output.dense")
            _copy(layer.feed_forward_norm, raw, prefix + "output.LayerNorm")
        for head in model.heads:
            nn.init.normal_(head.weight, std=0.02)
            nn.init.zeros_(head.bias)
    return model


def with_dropout(model: nn.Module, share: float) -> None:
    """- Produces: every dropout of the model with this share."""
    for module in model.modules():
        if isinstance(module, nn.Dropout):
            module.p = share


def _copy(module: nn.Module, raw: dict[str, Tensor], name: str) -> None:
    module.weight.copy_(raw[f"{name}.weight"])
    module.bias.copy_(raw[f"{name}.bias"])
