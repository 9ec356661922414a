"""Winnow's models in ONNX Runtime."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
from safetensors import safe_open
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers

MODELS = Path(os.environ.get("WINNOW_MODELS_DIRECTORY", "infra/models"))
GRAPHS = Path(os.environ.get("PEER_GRAPHS_DIRECTORY", ".build/peer/graphs"))

# Label, confidence and number of tokens of a text.
Prediction = tuple[str, float, int]


def read(name: str) -> tuple[dict[str, Any], Any]:
    """The card of a model, and its open file of arrays."""
    folder = MODELS / name
    return json.loads((folder / "card.json").read_text()), safe_open(folder / "model.safetensors", "numpy")


def depth(card: dict[str, Any], head: dict[str, Any]) -> int:
    """After how many layers a head reads."""
    return head.get("layers") or card["encoder"]["layers"]


def graph(name: str, layers: int) -> Path:
    return GRAPHS / f"{name}.{layers}.onnx"


class Classifier:
    """One model: its tokenizer, a session for each depth at which a head reads, and its heads in f32."""

    def __init__(self, name: str, tokens_per_call: int = 384) -> None:
        self.card, file = read(name)
        self.model = f"{name}@{self.card['version']}"
        self.tokens_per_call = tokens_per_call  # larger batches leave the processor's cache and are slower
        pieces = bytes(file.get_tensor("tokenizer.vocabulary")).decode().split("\n")
        vocabulary = {piece: index for index, piece in enumerate(pieces)}
        self.cls, self.sep = vocabulary["[CLS]"], vocabulary["[SEP]"]
        self.tokenizer = Tokenizer(models.WordPiece(vocabulary, unk_token="[UNK]", max_input_chars_per_word=100))
        self.tokenizer.normalizer = normalizers.BertNormalizer()
        self.tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.log_severity_level = 3
        sessions: dict[int, onnxruntime.InferenceSession] = {}
        self.heads: dict[str, tuple[dict[str, Any], onnxruntime.InferenceSession, np.ndarray, np.ndarray]] = {}
        for head in self.card["heads"]:
            layers, key = depth(self.card, head), f"{head['capability']}/{head['task']}"
            if layers not in sessions:
                sessions[layers] = onnxruntime.InferenceSession(graph(name, layers), options,
                                                                providers=["CPUExecutionProvider"])
            weight, bias = (file.get_tensor(f"heads.{key}.{part}") for part in ("weight", "bias"))
            self.heads[key] = head, sessions[layers], weight.T.copy(), bias.copy()

    def classify(self, key: str, texts: list[str]) -> list[Prediction]:
        """- Parameter key: `capability/task`."""
        head, session, weight, bias = self.heads[key]
        keep = head["maxTokens"] - 2
        rows = [[self.cls, *encoding.ids[:keep], self.sep]
                for encoding in self.tokenizer.encode_batch_fast(texts, add_special_tokens=False)]
        lengths = np.array([len(row) for row in rows])
        order = np.argsort(-lengths, kind="stable")
        pooled, start = np.empty((len(rows), weight.shape[0]), np.float32), 0
        while start < len(order):  # in order of length, so that a call holds little padding
            longest = lengths[order[start]]
            part = order[start : start + max(1, self.tokens_per_call // longest)]
            ids = np.zeros((len(part), longest), np.int64)
            for row, index in enumerate(part):
                ids[row, : lengths[index]] = rows[index]
            mask = (np.arange(longest) < lengths[part, None]).astype(np.int64)
            pooled[part] = session.run(None, {"ids": ids, "mask": mask})[0]
            start += len(part)
        labels, p = probabilities(head, (pooled @ weight + bias).astype(np.float64))
        best = p.argmax(1)
        return list(zip((labels[index] for index in best), p[np.arange(len(best)), best].tolist(), lengths.tolist()))


def probabilities(head: dict[str, Any], logits: np.ndarray) -> tuple[list[str], np.ndarray]:
    """Labels, and the probability of each in every row, by the rule of infra/models/README.md."""
    scaled = logits / head["temperature"]
    p = np.exp(scaled - scaled.max(1, keepdims=True))
    p /= p.sum(1, keepdims=True)
    if not (gate := head["gate"]):
        return head["labels"], p
    energy = gate["temperature"] * np.logaddexp.reduce(logits / gate["temperature"], 1)
    outside = (1 / (1 + np.exp((energy - gate["threshold"]) / gate["scale"])))[:, None]
    return [*head["labels"], gate["label"]], np.concatenate([p * (1 - outside), outside], 1)


def accept_thresholds(capability: str) -> dict[str, float]:
    """The confidence from which on a certificate lets the small model answer, by `capability/task`."""
    file = MODELS / capability / "certificates.jsonl"
    lines = file.read_text().splitlines() if file.exists() else []
    return {f"{c['capability']}/{c['task']}": c["acceptThreshold"] for c in map(json.loads, lines)}
