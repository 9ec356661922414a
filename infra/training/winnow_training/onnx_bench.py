"""Times ONNX Runtime on an artifact with one thread and typical items, padded to the longest item of a batch.

`python -m winnow_training.onnx_bench --model NAME --batch 1,32 --json` prints the median and the best milliseconds a batch.
"""

from __future__ import annotations

import argparse
import json
import random
import tempfile
import time
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import onnxruntime

from . import small
from .artifact import Artifact
from .batches import pad
from .onnx_export import export
from .tasks import SEED, max_tokens

_WARM, _RUNS = 20, 200


def _session(path: Path) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


def bench(name: str, sizes: list[int], items: int = 2048) -> list[dict[str, Any]]:
    model = Artifact.load(name)
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        for key in model.encoder.head_names():
            texts = random.Random(SEED).choices(small.validation(key)[0], k=items)
            encoded = model.tokenizer.encode(texts, max_tokens(key))
            for path in export(model, key, Path(folder)):
                session = _session(path)
                rows += [{"model": name, "head": key, "precision": path.name.split(".")[-2], "batch": size,
                          **_time(session, key, encoded, size)} for size in sizes]
    return rows


def _time(session: onnxruntime.InferenceSession, key: str, encoded: list[list[int]], size: int) -> dict[str, float]:
    batches = []
    for start in range(0, min(len(encoded), (_WARM + _RUNS) * size) - size + 1, size):
        ids, mask = pad(encoded[start : start + size])
        batches.append({"ids": ids.numpy(), "mask": mask.numpy().astype(np.int64)})
    seconds = []
    for number in range(_WARM + _RUNS):
        feed = batches[number % len(batches)]
        start = time.perf_counter()
        session.run([key], feed)
        if number >= _WARM:
            seconds.append(time.perf_counter() - start)
    return {"tokens": median(feed["ids"].size for feed in batches), "medianMs": round(1000 * median(seconds), 4),
            "bestMs": round(1000 * min(seconds), 4)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", required=True)
    parser.add_argument("--batch", default="1,32", type=lambda text: [int(part) for part in text.split(",")])
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    rows = bench(arguments.model, arguments.batch)
    if arguments.json:
        print(json.dumps(rows, indent=2))
        return
    for row in rows:
        print("  ".join(f"{key}={value}" for key, value in row.items()))


if __name__ == "__main__":
    main()
