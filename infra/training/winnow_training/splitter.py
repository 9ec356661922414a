"""Splits compound sentences with a linear classifier over hashed windows, as `infra/models/README.md` specifies."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

CANDIDATES = (
    "and", "then", "also", "plus", "&", ",", ";",
    "and then", "and also", "and after that", "after that", "and plus", "then also", "and then also", "and next",
    ", and", ", then", ", also", ", plus", ", and then", ", and also", ", after that", ", and after that", ", then also",
    ", and next", ", as well as", "; and", "; then", "; also", "; and then", "; and also", "; plus", "; after that",
)
BUCKETS = 1 << 16
WINDOW = 4

_TOKEN = re.compile(rb"[,;]|[^\t-\r ,;]+")
_FORM = bytes(range(48)) + b"0" * 10 + bytes(range(58, 65)) + bytes(range(97, 123)) + bytes(range(91, 256))
_PHRASES = frozenset(tuple(part.encode() for part in phrase.split(" ")) for phrase in CANDIDATES)
_LONGEST = max(map(len, _PHRASES))


@dataclass(frozen=True)
class Candidate:
    """A phrase over the tokens `start ..< end` at which the sentence may be split."""

    start: int
    end: int
    phrase: bytes


@dataclass(frozen=True)
class Sentence:
    """A tokenized text: byte ranges, forms, and candidates."""

    text: bytes
    spans: list[tuple[int, int]]
    forms: list[bytes]
    candidates: list[Candidate]

    @classmethod
    def parse(cls, text: str) -> Sentence:
        raw = text.encode("utf-8", "surrogatepass")
        spans = [match.span() for match in _TOKEN.finditer(raw)]
        forms = [form(raw[start:end]) for start, end in spans]
        return cls(raw, spans, forms, list(_candidates(forms)))

    def token(self, index: int) -> bytes:
        start, end = self.spans[index]
        return self.text[start:end]

    def segments(self, cuts: Sequence[bool]) -> list[str]:
        parts, begin = [], 0
        for candidate, cut in zip(self.candidates, cuts):
            if cut:
                parts.append((begin, candidate.start))
                begin = candidate.end
        parts.append((begin, len(self.forms)))
        return [self.text[self.spans[a][0] : self.spans[b - 1][1]].decode("utf-8", "surrogatepass")
                for a, b in parts if a < b]


def form(token: bytes) -> bytes:
    """Lowercase ASCII, digits as `0`, without final punctuation."""
    mapped = token.translate(_FORM)
    return mapped.rstrip(b".?!") or mapped[:1]


def _candidates(forms: list[bytes]) -> Iterator[Candidate]:
    index = 0
    while index < len(forms):
        for length in range(min(_LONGEST, len(forms) - index), 0, -1):
            phrase = tuple(forms[index : index + length])
            if phrase in _PHRASES:
                if index > 0 and index + length < len(forms):
                    yield Candidate(index, index + length, b" ".join(phrase))
                index += length
                break
        else:
            index += 1


def shape(token: bytes) -> bytes:
    """The shape of the first character: `A` for a capital, `a` for a small letter, `0` for a digit, `-` for others."""
    first = token[:1]
    return b"A" if first.isupper() else b"a" if first.islower() else b"0" if first.isdigit() else b"-"


def features(sentence: Sentence, number: int) -> list[bytes]:
    """The features of the candidate with this number."""
    candidate = sentence.candidates[number]
    forms, start, end, phrase = sentence.forms, candidate.start, candidate.end, candidate.phrase
    count = len(forms)
    before = sentence.candidates[number - 1] if number > 0 else Candidate(0, 0, b"<s>")
    behind = sentence.candidates[number + 1] if number + 1 < len(sentence.candidates) else Candidate(count, count, b"</s>")

    def left(k: int) -> bytes:
        return forms[start - k] if start - k >= 0 else b"<s>"

    def right(k: int) -> bytes:
        return forms[end + k - 1] if end + k - 1 < count else b"</s>"

    found = [b"c=" + phrase]
    for k in range(1, WINDOW + 1):
        found += [b"l%d=%b" % (k, left(k)), b"r%d=%b" % (k, right(k))]
    for k in range(1, WINDOW):
        found += [b"L%d=%b %b" % (k, left(k + 1), left(k)), b"R%d=%b %b" % (k, right(k), right(k + 1))]
    found += [b"cl=%b|%b" % (phrase, left(1)), b"cr=%b|%b" % (phrase, right(1)), b"x=%b|%b" % (left(1), right(1)),
              b"cR=%b|%b %b" % (phrase, right(1), right(2)), b"cL=%b|%b %b" % (phrase, left(2), left(1)),
              b"f=%b|%b" % (forms[0], right(1)), b"rr=%b %b %b" % (right(1), right(2), right(3))]
    opening = forms[before.end]
    near, far = min(start - before.end, 8), min(behind.start - end, 8)
    found += [b"o=%b|%b" % (opening, right(1)), b"pc=%b|%b" % (before.phrase, phrase),
              b"nx=%b|%b" % (phrase, behind.phrase), b"gl=%d" % near, b"gr=%d" % far, b"g=%d|%d" % (near, far)]
    found += [b"xn=%b|%b|%b" % (phrase, right(1), behind.phrase), b"xp=%b|%b|%b" % (phrase, right(1), before.phrase),
              b"xg=%d|%b" % (near, right(1)), b"xh=%d|%b" % (far, right(1)), b"ro=%b %b|%b" % (right(1), right(2), opening)]
    case = b"%b%b" % (shape(sentence.token(start - 1)), shape(sentence.token(end)))
    found += [b"s=%b|%b" % (phrase, case), b"sr=%b|%b" % (case, right(1)), b"sl=%b|%b" % (case, left(1))]
    found += [b"bl=" + token for token in forms[:start]] + [b"br=" + token for token in forms[end:]]
    found += [b"nl=%d" % min(start, 8), b"nr=%d" % min(count - end, 8), b"nc=%d" % min(len(sentence.candidates), 8)]
    return found


@lru_cache(maxsize=1 << 20)
def bucket(feature: bytes) -> int:
    """FNV-1a in 32 bits, folded into the table."""
    value = 2166136261
    for byte in feature:
        value = (value ^ byte) * 16777619 & 0xFFFFFFFF
    return value & (BUCKETS - 1)


@dataclass(frozen=True)
class Splitter:
    weight: np.ndarray
    bias: float
    temperature: float = 1.0
    threshold: float = 0.5

    def scores(self, sentence: Sentence) -> list[float]:
        """One logit for each candidate."""
        return [self.bias + float(self.weight[[bucket(f) for f in features(sentence, number)]].sum())
                for number in range(len(sentence.candidates))]

    def split(self, text: str) -> list[str]:
        sentence = Sentence.parse(text)
        return sentence.segments([score >= self.cut for score in self.scores(sentence)])

    def confidence(self, text: str) -> float:
        """The confidence of the least sure decision, or 1 without candidates."""
        margins = [abs(score - self.cut) / self.temperature for score in self.scores(Sentence.parse(text))]
        return 1 / (1 + math.exp(-min(margins))) if margins else 1.0

    @property
    def cut(self) -> float:
        """The threshold in logits."""
        return self.temperature * math.log(self.threshold / (1 - self.threshold))
