"""Texts for the route head, which says to which of the six tasks a text belongs, or none.

A text is a positive example of its own task. Negatives come from files that every machine with Python has (reference pages,
docstrings, source lines) and from garbled texts. Random strings are not used, because a benign HTTP parameter looks like one.
"""

from __future__ import annotations

import ast
import hashlib
import pydoc_data.topics
import random
import sysconfig
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from . import augment, data, documentation
from .tasks import (CLAUSE_TYPE, INTENT, ISSUE_TYPE, PAYLOAD, PROMPT_ATTACK, SEED, TEXT_TASKS, UNFAIR_TERM, UTTERANCE,
                    Task)

_MODULES = ("abc argparse asyncio/events asyncio/streams base64 bisect calendar cmd collections/__init__ configparser "
            "contextlib copy csv datetime decimal difflib dis doctest email/message enum fractions ftplib functools "
            "getpass gettext glob gzip heapq html/parser http/client imaplib inspect ipaddress json/__init__ locale "
            "logging/__init__ mailbox mimetypes numbers optparse os pathlib pickle platform plistlib poplib pprint "
            "queue random re/__init__ sched shelve shutil smtplib socket sqlite3/dbapi2 ssl statistics string "
            "subprocess tarfile tempfile textwrap threading timeit trace turtle types typing unittest/case urllib/parse "
            "urllib/request uuid warnings wave weakref webbrowser xml/dom/minidom zipfile").split()
_WHOLE = {INTENT: 9000, CLAUSE_TYPE: 3500, UNFAIR_TERM: 6000, PAYLOAD: 5000, PROMPT_ATTACK: 1403, ISSUE_TYPE: 1285}


@dataclass(frozen=True)
class RouteItem:
    text: str
    tasks: frozenset[str]
    kind: str  # whole, segment, embedded, utterance, none


@lru_cache(maxsize=None)
def build(split: str) -> tuple[RouteItem, ...]:
    """- Parameter split: `train` takes a bounded share of each task and repeats the small ones; `val` takes all."""
    chance = random.Random(f"{SEED} route {split}")
    items: list[RouteItem] = []
    for task in TEXT_TASKS:
        items += _positives(task, split, chance)
    utterances = [item.text for item in data.load(UTTERANCE, split)]
    if split == "train":
        utterances = chance.sample(utterances, 2500)
    items += [RouteItem(text, frozenset({INTENT.key}), "utterance") for text in utterances]
    items += negatives(split, chance)
    chance.shuffle(items)
    return tuple(items)


def _positives(task: Task, split: str, chance: random.Random) -> list[RouteItem]:
    texts = [item.text for item in data.load(task, split)]
    answer = frozenset({task.key})
    if split == "train":
        texts = chance.sample(texts, min(len(texts), _WHOLE[task]))
    items = [RouteItem(text, answer, "whole") for text in texts]
    if task is PAYLOAD:
        chosen = chance.sample(texts, len(texts) // 3)
        return items + [RouteItem(augment.embed_payload(text, chance), answer, "embedded") for text in chosen]
    if task is INTENT:
        chosen = chance.sample(texts, len(texts) // 6)
        return items + [RouteItem(augment.recased(text, chance), answer, "segment") for text in chosen]
    cut = [part for text in texts for part in augment.segments(text) if part != text]
    wanted = min(len(cut), 2500 if split == "train" else 400)
    items += [RouteItem(text, answer, "segment") for text in chance.sample(cut, wanted)]
    if split == "train" and task is PROMPT_ATTACK:
        items += items[: len(texts)]
    return items


def negatives(split: str, chance: random.Random) -> list[RouteItem]:
    paragraphs = [text for name, text in _pages() if _split_of(name) == split]
    sentences = [part for text in paragraphs for part in augment.segments(text)]
    wanted = 2500 if split == "train" else 300
    texts = chance.sample(sentences, min(len(sentences), wanted))
    texts += chance.sample(paragraphs, min(len(paragraphs), wanted // 2))
    snippets = [text for name, text in code() if _split_of(name) == split]
    texts += chance.sample(snippets, min(len(snippets), wanted // 4))
    texts += [_garbled(split, chance) for _ in range(wanted // 2)]
    return [RouteItem(text, frozenset(), "none") for text in texts]


def _split_of(page: str) -> str:
    """Puts each page entirely into one split, so that neighbouring sentences leak nothing."""
    return "val" if hashlib.sha256(page.encode()).digest()[0] < 32 else "train"


def _pages() -> list[tuple[str, str]]:
    pages = list(pydoc_data.topics.topics.items())
    pages += [(name, text) for name, tree in _sources() for text in documentation.docstrings_of(tree)]
    return [(name, " ".join(block.split())) for name, page in pages
            for block in page.split("\n\n") if 6 <= len(block.split()) <= 120]


def code() -> list[tuple[str, str]]:
    return [(name, text) for name, tree in _sources() for node in ast.walk(tree)
            if isinstance(node, (ast.For, ast.If, ast.Try, ast.With, ast.While))
            and 30 <= len(text := ast.unparse(node)) <= 400]


def _sources() -> list[tuple[str, ast.Module]]:
    root = Path(sysconfig.get_paths()["stdlib"])
    return [(name, ast.parse((root / f"{name}.py").read_text(encoding="utf-8"))) for name in _MODULES]


def _garbled(split: str, chance: random.Random) -> str:
    """Shuffled words of several tasks, or one text with shuffled letters in each word."""
    tasks = (CLAUSE_TYPE, UNFAIR_TERM, PROMPT_ATTACK, ISSUE_TYPE, INTENT)
    if chance.random() < 0.5:
        words = [word for task in chance.sample(tasks, 4) for word in chance.choice(data.load(task, split)).text.split()[:40]]
        return " ".join(chance.sample(words, min(len(words), chance.randint(8, 30))))
    words = chance.choice(data.load(chance.choice(tasks), split)).text.split()[: chance.randint(8, 30)]
    return " ".join("".join(chance.sample(word, len(word))) for word in words)
