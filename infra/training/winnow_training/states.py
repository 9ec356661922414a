"""`python -m winnow_training.states`: the router's states for texts of everything that is known.

A route head of a capability learns from them what is not its own, without the texts. Rare kinds of texts count as much as common
ones; utterances count more, because they are what most capabilities must be told from.
"""

from __future__ import annotations

import hashlib
import random
import struct
from collections import defaultdict
from collections.abc import Sequence

import torch
from safetensors.torch import save
from torch import Tensor

from . import data, router_data
from .artifact import Artifact, with_sorted_names
from .quantization import quantize_rows
from .reader import QuantizedReader, state_of
from .requests import Request, Source
from .tasks import INTENT, ROUTE, SEED, UNFAIR_TERM
from .windows import READING

_COUNT = 150
_COUNTS = {("whole", INTENT.key): 1200, ("none", ""): 400, ("whole", UNFAIR_TERM.key): 300}


def fingerprint(model: Artifact, key: str, max_tokens: int) -> str:
    """The fingerprint of the state that a head reads, as `infra/models/README.md` defines it."""
    shape, layers = model.shape, model.depth(key)
    lines = ["winnow-encoder 1",
             f"sizes {shape.hidden_size} {shape.head_count} {shape.head_size} {shape.feed_forward_size} {layers} {max_tokens}",
             f"epsilon {struct.pack('>d', shape.layer_norm_epsilon).hex()}"]
    if key == ROUTE:
        lines.append("reading {window} {stride} {context}".format(**model.card["reading"]))
    vocabulary = torch.frombuffer(bytearray("\n".join(model.vocabulary).encode()), dtype=torch.uint8)
    tensors = {name: tensor for name, tensor in model.tensors.items() if key == ROUTE or name != "embeddings.mark.weight"}
    tensors["tokenizer.vocabulary"] = vocabulary
    read = ("tokenizer.", "embeddings.", *(f"layers.{layer}." for layer in range(layers)))
    lines += [_line(name, tensors[name]) for name in sorted(tensors) if name.startswith(read)]
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()[:16]


def of_texts(router: Artifact, texts: Sequence[str]) -> Tensor:
    """The state of each text as an item, read as a request of its own."""
    model = QuantizedReader(router.encoder)
    found = (state_of(model, Request("", "", (Source(None, text, ()),)), 0, 0, len(text), router.tokenizer) for text in texts)
    return torch.stack([state for state in found if state is not None])


_KINDS = {torch.int8: "I8", torch.uint8: "U8", torch.float32: "F32"}


def _line(name: str, tensor: Tensor) -> str:
    digest = hashlib.sha256(tensor.contiguous().numpy().tobytes()).hexdigest()
    return f"tensor {name} {_KINDS[tensor.dtype]} [{' '.join(map(str, tensor.shape))}] {digest}"


def make() -> str:
    """- Returns: the fingerprint of the router's state."""
    router = Artifact.load("router")
    kinds: dict[tuple[str, str], list[str]] = defaultdict(list)
    for item in router_data.build("train"):
        kinds[item.kind, ",".join(sorted(item.tasks))].append(item.text)
    chance = random.Random(f"{SEED} states")
    texts = [text for kind in sorted(kinds)
             for text in chance.sample(kinds[kind], min(len(kinds[kind]), _COUNTS.get(kind, _COUNT)))]
    weight, scale = quantize_rows(of_texts(router, texts))
    state = fingerprint(router, ROUTE, READING.window)
    content = save({"states.weight": weight.contiguous(), "states.scale": scale.contiguous()},
                   metadata={"format": "winnow-router-states", "schemaVersion": "1", "router": state})
    path = data.MODELS / "router" / "states.safetensors"
    path.write_bytes(with_sorted_names(content))
    print(f"{path.name}: {len(texts)} states of router {state}, {path.stat().st_size:,} bytes", flush=True)
    return state


if __name__ == "__main__":
    torch.set_num_threads(1)
    make()
