"""Writes and reads the two files of a model: `model.safetensors` and `card.json`."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, fields
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import load_file, save
from torch import Tensor

from . import data
from .batches import in_order
from .decision import left_at, of_card, of_exits
from .encoder import Encoder, Shape
from .quantization import QuantizedEncoder, dequantized
from .tasks import max_tokens
from .tokenizer import Tokenizer

VERSION = "1.0.0"
_VOCABULARY = "tokenizer.vocabulary"


def exit_name(key: str, layers: int) -> str:
    return f"exits.{layers}.{key}"


@dataclass(frozen=True)
class Said:
    """A model's output for some texts, one row for each: the logits of a head, and the state that the head read."""

    logits: Tensor
    pooled: Tensor


@dataclass(frozen=True)
class Points:
    """What a model says of some texts at each exit of a task, and last at its head: logits, one row for each text, and which texts
    the guard there does not know."""

    logits: list[Tensor]
    strange: list[np.ndarray]


@dataclass
class Artifact:
    """An encoder as it runs. `card` may still lack what has not been measured yet."""

    name: str
    tensors: dict[str, Tensor]
    shape: Shape
    vocabulary: Sequence[str]
    card: dict[str, Any]
    depths: dict[str, int] = field(default_factory=dict)
    exits: dict[str, tuple[int, ...]] = field(default_factory=dict)

    def __getstate__(self) -> dict[str, Any]:
        """Excludes derived values from the cache of stages."""
        return {part.name: getattr(self, part.name) for part in fields(self)}

    @cached_property
    def tokenizer(self) -> Tokenizer:
        return Tokenizer(self.vocabulary)

    @cached_property
    def encoder(self) -> QuantizedEncoder:
        return QuantizedEncoder(self.shape, self.tensors)

    def as_trained(self) -> Encoder:
        """The same network in f32."""
        return dequantized(self.shape, self.tensors, self.encoder.head_names())

    def depth(self, key: str) -> int:
        """The number of layers after which a head reads."""
        return self.depths.get(key, self.shape.layers)

    def longest(self, key: str) -> int:
        """The tokens of a window: as the card says, and as in training for a head that it does not have, or not yet."""
        head = self._head(key)
        return max_tokens(key) if head is None else head["maxTokens"]

    def head_card(self, key: str) -> dict[str, Any]:
        head = self._head(key)
        if head is None:
            raise KeyError(key)
        return head

    def _head(self, key: str) -> dict[str, Any] | None:
        return next((head for head in self.card.get("heads", []) if f"{head['capability']}/{head['task']}" == key), None)

    def rung_depths(self, key: str) -> list[int]:
        """The numbers of layers after which a task's exits read, and last its head."""
        return [*self.exits.get(key, ()), self.depth(key)]

    def logits(self, texts: Sequence[str], key: str) -> Tensor:
        """The model's logits, one row for each text in the given order, from the exit or head at which the text leaves."""
        points = self.points(texts, key)
        return of_exits(points.logits, self.left(points, key))

    def left(self, points: Points, key: str) -> np.ndarray:
        """The number of the exit or head that answers each text."""
        if len(points.logits) == 1:
            return np.zeros(len(points.logits[0]), dtype=int)
        card = self.head_card(key)
        return left_at(points.logits, [point["from"] for point in card["exits"]], of_card(card), points.strange)

    def point_names(self, key: str) -> list[str]:
        """The names of the tensors of a task's exits, and last of its head."""
        return [*(exit_name(key, layers) for layers in self.exits.get(key, ())), f"heads.{key}"]

    def points(self, texts: Sequence[str], key: str) -> Points:
        states = self.states(texts, key, self.rung_depths(key))
        names = self.point_names(key)
        return Points([self.encoder.read(state, name) for name, state in zip(names, states)],
                      [self.is_strange(state, name) for name, state in zip(names, states)])

    def is_strange(self, states: Tensor, point: str) -> np.ndarray:
        """Which texts the guard of an exit or a head does not know; none without a guard.

        - Parameter states: what the exit or head reads, one row for each text.
        """
        if f"guards.{point}.weight" not in self.tensors:
            return np.zeros(len(states), dtype=bool)
        return (self.encoder.read(states, f"guards.{point}")[:, 0] > 0).numpy()

    def said(self, texts: Sequence[str], key: str) -> Said:
        """The head's output for the texts, without exits."""
        logits = torch.empty(len(texts), self.tensors[f"heads.{key}.bias"].shape[0])
        pooled = torch.empty(len(texts), self.shape.hidden_size, dtype=torch.float16)
        for rows, (state,) in self._batches(texts, key, [self.depth(key)]):
            # batch by batch: a product over all rows at once rounds differently, which would change the student
            logits[rows], pooled[rows] = self.encoder.read(state, f"heads.{key}"), state.half()
        return Said(logits, pooled)

    def states(self, texts: Sequence[str], key: str, depths: Sequence[int]) -> list[Tensor]:
        """The mean of a text's tokens after each number of layers in `depths`, one row for each text."""
        found = [torch.empty(len(texts), self.shape.hidden_size) for _ in depths]
        for rows, states in self._batches(texts, key, depths):
            for target, state in zip(found, states):
                target[rows] = state
        return found

    def _batches(self, texts: Sequence[str], key: str, depths: Sequence[int]) -> Iterator[tuple[list[int], list[Tensor]]]:
        for batch in in_order(self.tokenizer.encode(texts, self.longest(key))):
            yield batch.rows, self.encoder.states(batch.ids, batch.mask, depths)

    def save(self, folder: Path | None = None) -> None:
        vocabulary = "\n".join(self.vocabulary).encode("utf-8")
        tensors = {_VOCABULARY: torch.frombuffer(bytearray(vocabulary), dtype=torch.uint8), **self.tensors}
        write(self.name, "winnow-encoder", tensors, self.card, folder)

    @classmethod
    def load(cls, name: str) -> Artifact:
        card, tensors = read(name)
        vocabulary = bytes(tensors.pop(_VOCABULARY).tolist()).decode("utf-8").split("\n")
        heads = {f"{head['capability']}/{head['task']}": head for head in card["heads"]}
        depths = {key: head.get("layers", card["encoder"]["layers"]) for key, head in heads.items()}
        exits = {key: tuple(point["layers"] for point in head.get("exits", ())) for key, head in heads.items()}
        return cls(name, tensors, shape_of(card["encoder"]), vocabulary, card, depths, exits)


def write(name: str, kind: str, tensors: dict[str, Tensor], card: dict[str, Any], folder: Path | None = None) -> None:
    """Fills in the card's `version` and `weights` from the bytes that were written.

    - Parameter folder: `infra/models/<name>` by default.
    """
    folder = folder or data.MODELS / name
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "model.safetensors"
    content = with_sorted_names(save(tensors, metadata={"format": kind, "schemaVersion": "1", "card": name}))
    path.write_bytes(content)
    digest = hashlib.sha256(content).hexdigest()
    card["version"] = f"{VERSION}+{digest[:12]}"
    card["weights"] = {"file": path.name, "sha256": digest, "bytes": len(content)}
    text = json.dumps(card, indent=2, ensure_ascii=False)
    (folder / "card.json").write_text(text + "\n", encoding="utf-8")


def write_rows(path: Path, rows: Iterable[dict[str, Any]]) -> int:
    """Writes JSON Lines. - Returns: their number."""
    lines = [json.dumps(row, ensure_ascii=True, separators=(",", ":")) for row in rows]
    path.write_text("\n".join(lines) + "\n", encoding="ascii")
    return len(lines)


def with_sorted_names(content: bytes) -> bytes:
    """Sorts the metadata, whose order the library draws at random, so that equal tensors give equal files."""
    end = 8 + int.from_bytes(content[:8], "little")
    header = json.loads(content[8:end])
    header["__metadata__"] = dict(sorted(header["__metadata__"].items()))
    return content[:8] + json.dumps(header, separators=(",", ":")).encode().ljust(end - 8) + content[end:]


def read(name: str) -> tuple[dict[str, Any], dict[str, Tensor]]:
    folder = data.MODELS / name
    card = json.loads((folder / "card.json").read_text(encoding="utf-8"))
    return card, load_file(str(folder / card["weights"]["file"]))


def is_there(name: str, version: str) -> bool:
    """Whether the files of a model are exactly those of this version."""
    try:
        card = json.loads((data.MODELS / name / "card.json").read_text(encoding="utf-8"))
        weights = (data.MODELS / name / card["weights"]["file"]).read_bytes()
    except (OSError, ValueError, KeyError):
        return False
    return card["version"] == version and hashlib.sha256(weights).hexdigest() == card["weights"]["sha256"]


_SHAPE_KEYS = {"layers": "layers", "hidden_size": "hiddenSize", "head_count": "headCount", "head_size": "headSize",
               "feed_forward_size": "feedForwardSize", "vocabulary_size": "vocabularySize", "positions": "positions",
               "layer_norm_epsilon": "layerNormEpsilon"}


def encoder_card(shape: Shape) -> dict[str, Any]:
    return {_SHAPE_KEYS[name]: value for name, value in shape.to_dict().items()}


def shape_of(card: dict[str, Any]) -> Shape:
    return Shape(**{name: card[key] for name, key in _SHAPE_KEYS.items()})
