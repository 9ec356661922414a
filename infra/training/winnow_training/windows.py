"""Sources as windows of tokens that a model can read, and the places of the tokens in the source.

A piece for each line end and each empty line, a mark for what WordPiece forgets (capital letters, white space before a piece), and
in front the beginning of the request's own text, whose instruction says what to do with the rest.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass

from .requests import Request, Source, Span
from .tokenizer import Tokenizer

LINE, EMPTY_LINE = "[unused1]", "[unused2]"
CAPITAL, GLUED, CONTEXT = 1, 2, 4  # bits of a mark
MARKS = 8
OUTSIDE, BEGIN, INSIDE = 0, 1, 2
# The look-behind starts no match within blanks, or a long run of them would be searched from each of its places.
_LINE_END = re.compile(r"(?<![ \t])[ \t]*(?:\r\n|\n|\r)(?:[ \t]*(?:\r\n|\n|\r))*")
_NO_WHITE_SPACE = "\x1c\x1d\x1e\x1f"  # Python counts these controls as white space, Unicode's White_Space does not


@dataclass(frozen=True)
class Reading:
    """How sources become windows: the tokens of a window, the pieces from a window's first to the next one's, and the pieces of
    the request's own text that stand in front. The card of a model has it as `reading`."""

    window: int = 256
    stride: int = 160
    context: int = 64

    def __post_init__(self) -> None:
        # [CLS], the context, its [SEP] and the last [SEP] leave room for a stride, or pieces would be skipped. The own text's second
        # window has a context and its [SEP], which the first has not, and ends behind it only if the stride is longer.
        if not (self.context >= 0 and self.context + 1 < self.stride <= self.window - 3 - self.context):
            raise ValueError("the stride is not longer than context and separator, or leaves pieces unread")

    def card(self) -> dict[str, int]:
        return asdict(self)


READING = Reading()


@dataclass(frozen=True)
class Piece:
    id: int
    mark: int
    start: int
    end: int
    is_line_end: bool = False
    is_continuation: bool = False  # of the word, or of the character, that the piece before it begins


@dataclass(frozen=True)
class Window:
    ids: list[int]
    marks: list[int]
    first: int  # the place of the first own token; those before it are context
    offset: int  # the number of the source's piece at `first`
    count: int  # how many pieces of the source it holds


def pieces(text: str, tokenizer: Tokenizer) -> list[Piece]:
    result: list[Piece] = []
    at = 0
    ends = [(match.start(), match.end()) for match in _LINE_END.finditer(text)] + [(len(text), len(text))]
    lines = []
    for start, end in ends:
        lines.append((at, start, end))
        at = end
    encodings = tokenizer.offsets([text[start:end] for start, end, _ in lines])
    for (start, end, following), encoding in zip(lines, encodings, strict=True):
        for identity, (low, high) in encoding:
            low, high = start + low, start + high
            mark = (CAPITAL if text[low].isupper() else 0) | (GLUED if low > start and not is_space(text[low - 1]) else 0)
            continues = tokenizer.vocabulary[identity].startswith("##") or bool(result) and low < result[-1].end
            result.append(Piece(identity, mark, low, high, is_continuation=continues))
        if following > end:
            breaks = text[end:following].replace("\r\n", "\n").replace("\r", "\n").count("\n")
            result.append(Piece(tokenizer.ids[LINE if breaks == 1 else EMPTY_LINE], 0, end, following, True))
    return result


def is_space(character: str) -> bool:
    return character.isspace() and character not in _NO_WHITE_SPACE


def windows(request: Request, tokenizer: Tokenizer, reading: Reading = READING) -> list[tuple[Source, list[Piece], list[Window]]]:
    own = pieces(request.sources[0].text, tokenizer)
    tail = reading.context * 3 // 8  # an instruction stands first or last in a text
    context = own if len(own) <= reading.context else own[: reading.context - tail] + own[len(own) - tail :]
    result = []
    for index, source in enumerate(request.sources):
        parts = own if index == 0 else pieces(source.text, tokenizer)
        found, at = [], 0
        while at < len(parts):
            before = [] if index == 0 and at == 0 else (own[: reading.context] if index == 0 else context)
            room = reading.window - 2 - (len(before) + 1 if before else 0)
            chosen = parts[at : at + room]
            ids = [tokenizer.cls, *(piece.id for piece in before), *([tokenizer.sep] if before else [])]
            marks = [0, *(piece.mark | CONTEXT for piece in before), *([CONTEXT] if before else [])]
            found.append(Window([*ids, *(piece.id for piece in chosen), tokenizer.sep],
                                [*marks, *(piece.mark for piece in chosen), 0], len(ids), at, len(chosen)))
            if at + room >= len(parts):
                break
            at += reading.stride
        result.append((source, parts, found))
    return result


def targets(parts: Sequence[Piece], spans: Sequence[Span]) -> tuple[list[int], list[int]]:
    """For each piece `OUTSIDE`, `BEGIN` or `INSIDE`, and the number of its span or -1."""
    tags, numbers = [], []
    spans_left = list(enumerate(spans))
    last = -1
    for piece in parts:
        while spans_left and spans_left[0][1].end <= piece.start:
            spans_left.pop(0)
        inside = bool(spans_left) and piece.end > spans_left[0][1].start
        number = spans_left[0][0] if inside else -1
        tags.append(OUTSIDE if not inside else BEGIN if number != last else INSIDE)
        numbers.append(number)
        if inside:
            last = number
    return tags, numbers
