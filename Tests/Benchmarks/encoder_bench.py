"""Times Winnow's encoder and ONNX Runtime with the same int8 weights and texts, one thread each, one after the other.

Both run all of the head's layers for every text. "exits" is Winnow as it serves, where a text leaves early once its answer is
sure. Winnow's figures include its tokenizer; ONNX Runtime's are only `session.run`. Both sort the items by length, so padding,
which Winnow does not need, costs ONNX Runtime next to nothing. Both take every batch's best of 7 rounds, averaged over the items.

The router is timed alone, on requests of 3,000 characters, made of the lines of realistic ones: finding and routing their items.
"""

from __future__ import annotations

import argparse
import json
import logging
import os
import random
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
from winnow_training import requests, small
from winnow_training.artifact import Artifact
from winnow_training.batches import pad
from winnow_training.onnx_export import export
from winnow_training.tasks import SEED, max_tokens

BIN = Path(os.environ["WINNOW_BIN_DIRECTORY"])
MODELS = Path("infra/models")
ROUNDS, ITEMS = 7, 256
HEADS = {"full": "security-services/payload",
         "semantic-understanding": "semantic-understanding/intent", "legal-services": "legal-services/clause-type",
         "security-services": "security-services/payload", "software-development": "software-development/issue-type"}


def winnow(name: str, head: str, items: Path) -> dict[str, Any]:
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    done = subprocess.run([BIN / "EncoderBench", items, f"{MODELS / name}:{head}"], text=True, check=True,
                          stdout=subprocess.PIPE, env=environment)
    return json.loads(done.stdout)


def router(items: Path) -> dict[str, Any]:
    lines = [line for request in requests.load(requests.VALIDATED) for source in request.sources for line in source.text.splitlines()]
    items.write_text("\n".join(line for line in lines if line.strip()) + "\n")
    done = subprocess.run([BIN / "EncoderBench", "--requests", items, MODELS / "router"], text=True, check=True,
                          stdout=subprocess.PIPE, env=os.environ | {"OMP_NUM_THREADS": "1"})
    return json.loads(done.stdout)


def onnx_runtime(path: Path, head: str, encoded: list[list[int]], size: int) -> float:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    feeds = []
    for start in range(0, len(encoded), size):
        ids, mask = pad(encoded[start : start + size])
        feeds.append({"ids": ids.numpy(), "mask": mask.numpy().astype(np.int64)})
    best = [float("inf")] * len(feeds)
    for _ in range(ROUNDS + 1):
        for index, feed in enumerate(feeds):
            begin = time.perf_counter()
            session.run([head], feed)
            best[index] = min(best[index], time.perf_counter() - begin)
    return sum(best) / len(encoded) * 1e6


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, required=True)
    arguments = parser.parse_args()
    logging.getLogger().setLevel(logging.ERROR)
    rows = []
    print(f"\n{'encoder, one thread, int8':32} {'tokens':>7} {'batch':>6} {'Winnow':>9} {'ONNX Rt':>9}  ratio {'exits':>9}")
    for name, head in HEADS.items():
        model = Artifact.load(name)
        texts = [" ".join(text.split()) or "-" for text in
                 random.Random(SEED).choices(small.validation(head)[0], k=ITEMS)]
        texts.sort(key=lambda text: len(model.tokenizer.encode([text], max_tokens(head))[0]))
        encoded = model.tokenizer.encode(texts, max_tokens(head))
        with tempfile.TemporaryDirectory() as folder:
            items = Path(folder) / "items"
            items.write_text("\n".join(texts) + "\n")
            path = next(path for path in export(model, head, Path(folder)) if "int8" in path.name)
            own = winnow(name, head, items)
            for size in (1, 32):
                micros, early = (own[f"{kind}{size}"]["minMicrosPerItem"] for kind in ("batch", "early"))
                other = onnx_runtime(path, head, encoded, size)
                rows.append({"model": name, "head": head, "batch": size, "tokensPerItem": own["tokensPerItem"],
                             "winnowMicrosPerItem": micros, "onnxRuntimeMicrosPerItem": round(other, 2),
                             "ratio": round(other / micros, 2), "withExitsMicrosPerItem": early})
                print(f"{name:32} {own['tokensPerItem']:7.1f} {size:6} {micros:6.0f} µs {other:6.0f} µs "
                      f"{other / micros:5.2f}x {early:6.0f} µs", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        read = router(Path(folder) / "items")
    print(f"router, one request of {read['characters']} characters: {read['medianMicros'] / 1000:.2f} ms at the median, "
          f"{read['tokens']} tokens, {read['flops'] / 1e6:.0f} MFLOP")
    results = json.loads(arguments.out.read_text()) if arguments.out.exists() else {}
    results["encoders"] = {"onnxRuntime": onnxruntime.__version__, "rows": rows, "router": read}
    arguments.out.write_text(json.dumps(results, indent=2) + "\n")


if __name__ == "__main__":
    main()
