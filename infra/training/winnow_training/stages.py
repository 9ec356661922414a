"""Runs the whole recipe stage by stage. Results of stages stay in the cache until `--fresh`."""

from __future__ import annotations

import multiprocessing
import random
import shutil
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from typing import Any

import numpy as np
import torch

from . import artifact, baseline, catalog, data, full, full_card, full_third, golden, pools, router, small, states
from .encoder import Encoder, Shape
from .reader import Reader
from .tasks import BY_KEY, SEED, TEXT_TASKS


class Stages:
    """Times every stage, and remembers the times of cached stages."""

    def __init__(self, fresh: bool) -> None:
        if fresh:
            shutil.rmtree(data.CACHE, ignore_errors=True)
        data.CACHE.mkdir(parents=True, exist_ok=True)
        self.seconds: dict[str, float] = {}

    def run(self, name: str, make: Callable[[], Any], model: str | None = None) -> Any:
        """- Parameter model: the artifact that `make` writes; `make` then returns its version.
        - Produces: the result of `make`, from the cache if it and the artifact exist there.
        """
        path = data.CACHE / f"{name}.pt"
        kept = torch.load(path, weights_only=False) if path.exists() else None
        if kept and (model is None or artifact.is_there(model, kept["value"])):
            self.seconds[name] = kept["seconds"]
            print(f"{name}: cached ({kept['seconds']:.0f} s when made)", flush=True)
            return kept["value"]
        print(f"{name}: started", flush=True)
        random.seed(SEED)
        np.random.seed(SEED)
        torch.manual_seed(SEED)
        start = time.monotonic()
        value = make()
        self.seconds[name] = time.monotonic() - start
        torch.save({"value": value, "seconds": self.seconds[name]}, path)
        print(f"{name}: {self.seconds[name]:.0f} s", flush=True)
        return value


_CORES = 2


def make(fresh: bool = False) -> None:
    start = time.monotonic()
    torch.set_num_threads(_CORES)
    stages = Stages(fresh)
    baselines = stages.run("baseline", lambda: {task.key: baseline.measure(task) for task in TEXT_TASKS})
    opinions = stages.run("opinions", lambda: {key: baseline.out_of_fold(BY_KEY[key]) for key in full.SECOND_OPINION})
    first = stages.run("full-first", lambda: full.first_part(opinions).state_dict())
    second = stages.run("full-second", lambda: full.second_part(_encoder(first), opinions).state_dict())
    third = stages.run("full-third", lambda: full_third.third_part(_encoder(full.mean(first, second))).state_dict())
    source = Reader(_encoder({}, dropout=0.0))
    source.load_state_dict(third)
    seconds = sum(stages.seconds[f"full-{part}"] for part in ("first", "second", "third"))
    stages.run("full-card", lambda: full_card.finish(source.eval(), baselines, seconds).card["version"], model="full")
    stages.run("router", lambda: router.make(artifact.Artifact.load("full")).card["version"], model="router")
    _side_by_side(stages)
    states.make()  # not from the cache: states of an earlier router would be refused
    stages.run("golden", golden.make)
    for name, seconds in stages.seconds.items():
        print(f"{seconds:7.0f} s  {name}")
    print(f"{time.monotonic() - start:7.0f} s  in total, up to {_CORES} stages at a time")


def _side_by_side(stages: Stages) -> None:
    """Runs one process on each core, each with one thread, because models this small gain nothing from a second thread."""
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(_CORES, mp_context=spawn, initializer=torch.set_num_threads, initargs=(1,)) as pool:
        running = [pool.submit(_small, name) for name in small.RECIPES]
        for work in running:
            stages.seconds |= work.result()


def _encoder(weights: dict[str, torch.Tensor], dropout: float = 0.1) -> Encoder:
    model = Encoder(Shape(), full.head_sizes(), dropout)
    if weights:
        model.load_state_dict(weights)
    return model


def _small(name: str) -> dict[str, float]:
    """- Produces: the time of each stage."""
    stages, whole = Stages(fresh=False), artifact.Artifact.load("full")
    texts = {key: stages.run(_stage("pool", key), lambda key=key: pools.build(key)) for key in catalog.routes_of(name)}
    teacher = {key: stages.run(_stage("teacher", key), lambda key=key: whole.said(texts[key].texts, key)) for key in texts}

    def build() -> str:
        start = time.monotonic()
        model, piece = small.teach(name, whole, texts, teacher)
        small.finish(model, piece, whole, time.monotonic() - start)
        return model.card["version"]

    stages.run(name, build, model=name)
    return stages.seconds


def _stage(kind: str, key: str) -> str:
    return f"{kind}-{key.replace('/', '.')}"
