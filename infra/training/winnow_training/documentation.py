"""Docstrings of the packages in the training environment: texts about software that need no labels."""

from __future__ import annotations

import ast
import hashlib
import sysconfig
from collections.abc import Iterator
from functools import lru_cache
from importlib.metadata import version
from pathlib import Path

# All packages are pinned (requirements.txt, environment.sh), so the texts never change.
_PACKAGES = {"torch": "torch", "sklearn": "scikit-learn", "scipy": "scipy", "numpy": "numpy", "sympy": "sympy",
             "networkx": "networkx", "onnx": "onnx", "jinja2": "jinja2", "joblib": "joblib"}
_LICENCES = "BSD-3-Clause; onnx Apache-2.0; torch and numpy hold parts under other permissive licences"
_LEAST_WORDS = 20


@lru_cache(maxsize=None)
def docstrings() -> tuple[str, ...]:
    """Each docstring once, in alphabetical order."""
    root = Path(sysconfig.get_paths()["purelib"])
    found = set()
    for package in _PACKAGES:
        for path in (root / package).rglob("*.py"):
            found |= _docstrings(path.read_bytes())
    return tuple(sorted(found))


def _docstrings(source: bytes) -> set[str]:
    try:
        tree = ast.parse(source.decode("utf-8"))
    except (SyntaxError, ValueError):  # some packages contain files for other versions of Python
        return set()
    texts = (" ".join(text.split()) for text in docstrings_of(tree))
    return {text for text in texts if len(text.split()) >= _LEAST_WORDS}


def docstrings_of(tree: ast.Module) -> Iterator[str]:
    """The docstrings of a module and of all its definitions, level by level."""
    for node in ast.walk(tree):
        if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)):
            if text := ast.get_docstring(node):
                yield text


def source() -> dict[str, str]:
    """An entry of a card's `data`."""
    names = ", ".join(f"{name} {version(name)}" for name in _PACKAGES.values())
    return {"file": "docstrings", "sha256": hashlib.sha256("\n".join(docstrings()).encode("utf-8")).hexdigest(),
            "source": f"docstrings of {names}", "licence": _LICENCES}
