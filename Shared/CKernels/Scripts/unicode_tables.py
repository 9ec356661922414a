"""Writes ../UnicodeTables.c: how the reference tokenizer treats every Unicode scalar, asked of the reference itself.

The reference mixes Unicode versions (its categories are older than its lowercase and its NFD), so its answers are
tabulated rather than derived from any one version. Run with the `tokenizers` package installed:
    python3 unicode_tables.py > ../UnicodeTables.c
"""

import sys

import tokenizers
from tokenizers.normalizers import BertNormalizer
from tokenizers.pre_tokenizers import BertPreTokenizer

DROPPED, SHIFTED, SEQUENCE, ALONE = 1, 2, 3, 4
SPACE, PUNCTUATION = 1, 2
normalizer, splitter = BertNormalizer(), BertPreTokenizer()
scalars = [code for code in range(0x80, 0x110000) if not 0xD800 <= code < 0xE000]


def rule(code: int, pool: list[int], places: dict[str, int]) -> tuple[int, int] | None:
    """(kind, value) of a scalar; None where it stays as it is."""
    # between letters, so that nothing at the ends can be trimmed
    given = normalizer.normalize_str(f"x{chr(code)}x")[1:-1]
    if given == chr(code):
        return None
    if given == "":
        return DROPPED, 0
    if len(given) == 3 and given[0] == given[2] == " ":
        return ALONE, ord(given[1]) - code
    if len(given) == 1:
        return SHIFTED, ord(given) - code
    if given not in places:
        places[given] = len(pool)
        pool.extend(map(ord, given))
    return SEQUENCE, places[given] << 4 | len(given)


def scalar_class(code: int) -> tuple[int, int] | None:
    pieces = [piece for piece, _ in splitter.pre_tokenize_str(f"x{chr(code)}x")]
    if len(pieces) == 1:
        return None
    return (SPACE if len(pieces) == 2 else PUNCTUATION), 0


def runs(found: dict[int, tuple[int, int]]) -> list[list[int]]:
    """Greedy: as many scalars as possible, one or two apart, with the same answer."""
    out, codes, at = [], sorted(found), 0
    while at < len(codes):
        first, best = codes[at], (1, 1)
        for stride in (1, 2):
            count = 1
            while (found.get(first + count * stride) == found[first] and count < 65535
                   and (stride == 1 or first + count * stride - 1 not in found)):
                count += 1
            best = max(best, (count, -stride if count > 1 else -1))
        count, stride = best[0], abs(best[1])
        out.append([first, count, stride, *found[first]])
        at += count
    return out


def table(name: str, rows: list[list[int]]) -> str:
    lines = [f"static const struct winnow_scalar_rule {name}[] = {{"]
    line = "   "
    for first, count, stride, kind, value in rows:
        text = f" {{0x{first:X}, {count}, {stride}, {kind}, {value}}},"
        if len(line) + len(text) > 116:
            lines.append(line)
            line = "   "
        line += text
    end = f"const struct winnow_scalar_rule *const winnow_scalar_{name} = {name};"
    return "\n".join([*lines, line, "};", end, f"const int winnow_scalar_{name}_count = {len(rows)};"])


def main() -> None:
    pool: list[int] = []
    places: dict[str, int] = {}
    hangul = range(0xAC00, 0xD7A4)  # decomposed by arithmetic, not by table
    rules = {c: r for c in scalars if c not in hangul and (r := rule(c, pool, places))}
    classes = {c: k for c in scalars if (k := scalar_class(c))}
    print(f"// Written by Scripts/unicode_tables.py from tokenizers {tokenizers.__version__}; not to be edited.")
    print('#include "CKernels.h"\n')
    print(table("rules", runs(rules)), end="\n\n")
    print(table("classes", runs(classes)), end="\n\n")
    print("static const uint32_t sequences[] = {")
    for start in range(0, len(pool), 12):
        print("    " + " ".join(f"0x{code:X}," for code in pool[start:start + 12]))
    print("};\nconst uint32_t *const winnow_scalar_sequences = sequences;")
    print(len(rules), len(classes), len(pool), file=sys.stderr)


main()
