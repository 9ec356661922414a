"""Another version of the router: the committed one with a single weight changed by the least that its int8 can show."""

from __future__ import annotations

import hashlib
import json
import struct
from pathlib import Path

_CHANGED = "layers.0.feedForward.up.weight"


def make(source: Path, folder: Path) -> tuple[str, str]:
    """Writes the three files of the other router.

    The states of its training texts are the committed ones under its fingerprint. They differ by less than they are rounded.
    - Returns: the fingerprints of both routers' states.
    """
    folder.mkdir()
    card = json.loads((source / "card.json").read_text())
    header, body = _read((source / "model.safetensors").read_bytes())
    changed = bytearray(body)
    place = header[_CHANGED]["data_offsets"][0]
    weight = struct.unpack_from("b", changed, place)[0]
    struct.pack_into("b", changed, place, weight - 1 if weight > 0 else weight + 1)
    content = _write(header, bytes(changed))
    digest = hashlib.sha256(content).hexdigest()
    card["version"] = f"1.0.1+{digest[:12]}"
    card["weights"] |= {"sha256": digest, "bytes": len(content)}
    (folder / "card.json").write_text(json.dumps(card, indent=2) + "\n")
    (folder / "model.safetensors").write_bytes(content)
    states, numbers = _read((source / "states.safetensors").read_bytes())
    before, after = _state(card, header, body), _state(card, header, bytes(changed))
    if states["__metadata__"]["router"] != before:
        raise ValueError("the fingerprint of the committed router is computed wrongly here")
    states["__metadata__"]["router"] = after
    (folder / "states.safetensors").write_bytes(_write(states, numbers))
    return before, after


def _read(content: bytes) -> tuple[dict, bytes]:
    length = struct.unpack_from("<Q", content)[0]
    return json.loads(content[8 : 8 + length]), content[8 + length :]


def _write(header: dict, body: bytes) -> bytes:
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    return struct.pack("<Q", len(text)) + text + body


def _state(card: dict, header: dict, body: bytes) -> str:
    """The fingerprint of the state that the head reads. - Source: infra/models/README.md, Fingerprints"""
    shape, head, reading = card["encoder"], card["heads"][0], card["reading"]
    lines = ["winnow-encoder 1",
             f"sizes {shape['hiddenSize']} {shape['headCount']} {shape['headSize']} {shape['feedForwardSize']}"
             f" {head['layers']} {head['maxTokens']}",
             f"epsilon {struct.pack('>d', shape['layerNormEpsilon']).hex()}",
             f"reading {reading['window']} {reading['stride']} {reading['context']}"]
    read = ("tokenizer.", "embeddings.", *(f"layers.{layer}." for layer in range(head["layers"])))
    for name in sorted(header):
        if name.startswith(read):
            begin, end = header[name]["data_offsets"]
            dimensions = " ".join(map(str, header[name]["shape"]))
            lines.append(f"tensor {name} {header[name]['dtype']} [{dimensions}] {hashlib.sha256(body[begin:end]).hexdigest()}")
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()[:16]
