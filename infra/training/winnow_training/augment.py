"""Label-preserving copies of training texts, each a pure function of its random generator."""

from __future__ import annotations

import random
import re
from urllib.parse import quote, quote_plus

_NAMES = ("q", "id", "name", "search", "user", "page", "file", "path", "query", "cat", "lang", "url", "item", "comment")
_PATHS = ("search", "index.php", "login", "api/items", "products", "view", "download", "account/profile", "news.asp")
_FILES = ("etc/passwd", "etc/shadow", "etc/hosts", "boot.ini", "windows/win.ini", "windows/system.ini", "web.config", "winnt/win.ini",
          ".htpasswd", "proc/self/environ", "var/log/apache/access.log", "wp-config.php", "config/database.yml", "inetpub/wwwroot/web.config")
_SCHEMES = ("file:/", "file:///", "file:/c:/", "/", "c:/", "")
_SENTENCE_END = re.compile(r"(?<=[.!?;])\s+")


def embed_payload(text: str, chance: random.Random) -> str:
    """The value of an HTTP parameter as it occurs in requests: after a name, in a URL, percent-encoded."""
    name, path = chance.choice(_NAMES), chance.choice(_PATHS)
    value = chance.choice((str, str, quote, quote_plus))(text)
    form = chance.randrange(5)
    if form == 0:
        return f"{name}={value}"
    if form == 1:
        return f"/{path}?{name}={value}"
    if form == 2:
        return f"GET /{path}?{name}={quote_plus(text)} HTTP/1.1"
    if form == 3:
        return f"/{path}?{chance.choice(_NAMES)}={chance.randrange(1000)}&{name}={value}"
    return f"{name}={value}&{chance.choice(_NAMES)}={chance.randrange(1000)}"


def hidden(text: str, harmless: str, chance: random.Random) -> str:
    """An attack behind, before or among up to sixty harmless words."""
    words = harmless.split()
    words = (words * (60 // len(words) + 1))[: chance.randint(1, 60)] if words else []
    place = chance.choice((0, len(words), len(words), chance.randint(0, len(words))))
    return " ".join([*words[:place], text, *words[place:]])


def aimed_traversal(text: str, chance: random.Random) -> str:
    """A path traversal with a sensitive file in place of the data's `{file}`, or the direct path of that file."""
    file = chance.choice(_FILES)
    if "{file}" not in text:
        return text
    if chance.random() < 0.15:
        return chance.choice(_SCHEMES) + file
    return text.replace("{file}", file)


def segments(text: str, least: int = 4, most: int = 48) -> list[str]:
    """Sentences as a splitter would cut them, without fragments that carry no meaning."""
    parts = (part.strip() for part in _SENTENCE_END.split(text))
    return [part for part in parts if least <= len(part.split()) <= most]


def noisy(text: str, vocabulary: list[str], chance: random.Random, drop: float = 0.1, replace: float = 0.12) -> str:
    """Drops words and replaces others by words of the same task, so the domain stays but the text is not memorized."""
    words = []
    for word in text.split():
        draw = chance.random()
        if draw < drop:
            continue
        words.append(chance.choice(vocabulary) if draw < drop + replace else word)
    return " ".join(words) or text


_LONG_WORDS = 90  # longer texts are not read to their end


def is_long(text: str) -> bool:
    return len(text.split()) >= _LONG_WORDS


def stretch(text: str, chance: random.Random) -> str:
    """Another part of a long text than its beginning, with or without the opening."""
    words = text.split()
    at = chance.randrange(12, max(13, len(words) - 60))
    return " ".join(words[: chance.choice((0, 8, 16, 24))] + words[at:])


def spliced(left: str, right: str, chance: random.Random) -> str:
    """Joins the beginning of one text and the end of another."""
    a, b = left.split(), right.split()
    return " ".join(a[: chance.randint(1, max(1, len(a)))] + b[chance.randrange(max(1, len(b))) :])


def recased(text: str, chance: random.Random) -> str:
    """Adds sentence case and a full stop, because the data is lowercase without punctuation."""
    text = text[:1].upper() + text[1:] if chance.random() < 0.5 else text
    return text + chance.choice((".", "?", "!", " please")) if chance.random() < 0.5 else text
