"""Guards: a linear map beside a head or an exit, above 0 for a text unlike all that the model was made for.

A head is as sure of a stranger as of its own texts. A guard reads the same state and asks another question: is this such a text at
all? It learns from the task's texts, and from texts of every other kind that the task has not learned an answer for.
"""

from __future__ import annotations

import random
from typing import Any

import numpy as np
import torch
from sklearn.linear_model import LogisticRegression
from torch import Tensor

from . import data, requests, router_data
from .artifact import Artifact
from .metrics import share
from .tasks import BY_KEY, CLAUSE_TYPE, INTENT, ISSUE_TYPE, PAYLOAD, PROMPT_ATTACK, SEED, UNFAIR_TERM, Task

_KEPT, _KEPT_REAL = 0.98, 0.97  # of the task's validation texts, and of its items in validation requests
_OWN, _STRANGE = 3000, 800  # texts of the task, and of each other kind
_SENTENCES = "sentences that no task answers"
_LANGUAGES = "other languages"
_PAGES = "reference pages, source lines, garbled texts"

# The tasks whose texts are strangers. The others are near, or have been learned as harmless. So have other sentences and languages.
_STRANGERS: dict[Task, tuple[Task | str, ...]] = {
    INTENT: (CLAUSE_TYPE, UNFAIR_TERM, PAYLOAD, PROMPT_ATTACK, ISSUE_TYPE, _SENTENCES, _LANGUAGES, _PAGES),
    CLAUSE_TYPE: (INTENT, PAYLOAD, PROMPT_ATTACK, ISSUE_TYPE, _SENTENCES, _LANGUAGES, _PAGES),
    UNFAIR_TERM: (INTENT, PAYLOAD, PROMPT_ATTACK, ISSUE_TYPE, _SENTENCES, _LANGUAGES, _PAGES),
    PAYLOAD: (CLAUSE_TYPE, _LANGUAGES, _PAGES),
    PROMPT_ATTACK: (PAYLOAD, _PAGES),
    ISSUE_TYPE: (INTENT, CLAUSE_TYPE, UNFAIR_TERM, PAYLOAD, PROMPT_ATTACK, _SENTENCES, _LANGUAGES, _PAGES),
}


def teach(model: Artifact, key: str, thinned: int = 1) -> dict[str, Any]:
    """- Parameter thinned: one in so many texts is used, because a large model takes minutes for all of them.
    - Produces: the tensors of the task's guards, in the artifact.
    - Returns: the `guard` of the head's card: what the head's guard keeps of the task's texts, and catches of others.
    """
    task, names = BY_KEY[key], model.point_names(key)

    def states(texts: list[str]) -> list[Tensor]:
        return model.states(texts[::thinned], key, model.rung_depths(key))

    learned = states(_own(task, "train")), states([text for texts in _strangers(task, "train").values() for text in texts])
    known, real = states(_sample(task, "val")), states(_real(task, (requests.VALIDATED,)))
    for place, name in enumerate(names):
        weight, bias = _fitted(learned[0][place], learned[1][place])
        bias -= max(_least(known[place] @ weight + bias, _KEPT), _least(real[place] @ weight + bias, _KEPT_REAL))
        model.tensors[f"guards.{name}.weight"], model.tensors[f"guards.{name}.bias"] = weight[None].contiguous(), bias[None]
    kept = {"validation texts": known[-1], "items of validation requests": real[-1]}
    caught = {kind: states(texts)[-1] for kind, texts in _strangers(task, "val").items()}
    return {"kept": {kind: _share(~model.is_strange(found, names[-1])) for kind, found in kept.items()},
            "caught": {kind: _share(model.is_strange(found, names[-1])) for kind, found in caught.items()}}


def _share(rows: np.ndarray) -> dict[str, Any]:
    return {"items": len(rows), "share": share(rows)}


def _fitted(own: Tensor, strange: Tensor) -> tuple[Tensor, Tensor]:
    """- Returns: weight and bias of a map that is above 0 for strangers."""
    states = torch.cat([own, strange]).float().numpy()
    mean, deviation = states.mean(0), states.std(0) + 1e-6
    is_other = np.arange(len(states)) >= len(own)
    found = LogisticRegression(max_iter=1000, random_state=SEED).fit((states - mean) / deviation, is_other)
    weight = found.coef_[0] / deviation
    return torch.tensor(weight, dtype=torch.float32), torch.tensor(found.intercept_[0] - weight @ mean, dtype=torch.float32)


def _least(scores: Tensor, kept: float) -> float:
    """The score that this share of the texts does not exceed."""
    return float(np.quantile(scores.numpy(), kept)) if len(scores) else -float("inf")


def _own(task: Task, split: str) -> list[str]:
    return _sample(task, split) + _real(task, requests.TRAINED)


def _sample(task: Task, split: str, most: int = _OWN) -> list[str]:
    texts = [item.text for item in data.load(task, split)]
    return random.Random(f"{SEED} guard {task.key}").sample(texts, min(most, len(texts)))


def _real(task: Task, corpora: tuple[str, ...]) -> list[str]:
    return requests.parts(lambda request, span: request.language == "en" and task.key in span.routes, corpora)


def _strangers(task: Task, split: str) -> dict[str, list[str]]:
    corpora = requests.TRAINED if split == "train" else (requests.VALIDATED,)
    found: dict[str, list[str]] = {}
    for kind in _STRANGERS[task]:
        if isinstance(kind, Task):
            found[kind.key] = _sample(kind, split, _STRANGE)
        elif kind == _PAGES:
            found[kind] = [item.text for item in router_data.negatives(split, random.Random(f"{SEED} guard"))][:_STRANGE]
        else:
            found[kind] = requests.parts(lambda request, span: (request.language != "en") if kind == _LANGUAGES else
                                         (request.language == "en" and not span.routes), corpora)
    return found
