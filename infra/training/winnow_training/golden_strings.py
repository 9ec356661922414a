"""Strings on which two tokenizers are most likely to differ."""

from __future__ import annotations

import random
import unicodedata

from . import data
from .tasks import SEED, TEXT_TASKS

HAND_WRITTEN = [
    "", " ", "\t\n\r", "\x00", "a\x00b", "\x01\x02control\x7f\x80\x9f", "\ufffd", "a\ufffdb", "\ufeffbyte order mark",
    "zero\u200bwidth\u200cnon\u200djoiner", "soft\u00adhyphen", "no\u00a0break\u2003em\u3000ideographic", "\u2028line\u2029para",
    "\x0bvertical\x0cfeed\x85nel", "\u200e\u202eright to left\u202c", "\ue000private\U000f0000use", "[CLS] [SEP] [UNK] [PAD] [MASK]",
    "[SEP]", "a[SEP]b", "##ing", "##", "#", "##a ##b", "don't won't it's", "e.g., i.e.; etc...", "U.S.A. vs. U.K.", "$1,000.00 + 7%",
    "C++ C# F# .NET", "foo_bar-baz/qux\\quux", "`code` ~tilde~ ^caret^ |pipe|", "“curly” ‘quotes’ — dash – dash … ellipsis",
    "¡hola! ¿qué? «guillemets»", "naïve café résumé Zürich Ångström", "cafe\u0301 A\u030a o\u0308", "\u0301leading accent", "a\u0301\u0302\u0303\u0304b",
    "İstanbul ISTANBUL ıi", "ẞ ß STRASSE straße", "ǅ ǆ Ǆ", "ΑΒΓ αβγ ς Σ ΌΣΟΣ", "ЁЖИК ёжик", "ﬁ ﬂ ﬀ ligatures", "Ｆｕｌｌｗｉｄｔｈ １２３",
    "½ ² ³ ₄ Ⅻ ①", "中文字符", "中a文b", "日本語テキスト ひらがな カタカナ ｶﾞ が か\u3099", "한국어 텍스트 \u1112\u1161\u11ab", "𠀀𠀁 𪜀", "豈更車", "〇々〆", "ไทย ภาษาไทย",
    "हिन्दी में पाठ", "العَرَبِيَّة نص", "עִבְרִית טקסט", "ქართული", "አማርኛ", "😀", "👨‍👩‍👧‍👦 family", "🇩🇪🇯🇵", "❤️ vs ❤", "👍🏽", "a😀b", "™ © ® ° § ¶ † ‡",
    "∑ ∫ √ ∞ ≠ ≤", "→ ← ↔ ⇒", "█▓▒░", "\u0378unassigned", "\ufdd0nonchar", "\U0010ffff", "\u0130", "\u1e9e", "\u0345", "\u03a3", "ŉ", "ǰ", "ΐ", "ﬃ",
    "tab\tseparated\tvalues", "line\nbreaks\r\nmixed\rhere", "  leading and trailing  ", "many     spaces", "UPPER lower MiXeD",
    "antidisestablishmentarianism pneumonoultramicroscopicsilicovolcanoconiosis", "a" * 99, "a" * 100, "a" * 101, "é" * 100, "é" * 101,
    "中" * 200, "x" * 10000, "ab1 " * 300, "e\u0301" * 60, ("a" * 100 + " ") * 3, "." * 500, "1" * 100, "http://example.com/a?b=c&d=%20#e",
    "user@example.com", "C:\\Windows\\system32", "../../etc/passwd", "<script>alert('x')</script>", "' OR 1=1 --", "{\"json\": [1, 2.5e-3]}",
    "SELECT * FROM t WHERE a='b';", "0x1F 0b101 1e10 -5 +3", "\u00aa \u00ba", "ª º", "\u2126 \u212b K", "\u1d2c\u1d43", "\U0001d4d0\U0001d4ea", "\u0149\u01f0",
    "\u00c5 \u0041\u030a", "\uac00\u11a8", "q\u0307\u0323", "\u0f73", "\U0001f468\u200d\U0001f4bb", "\u180e", "\u2060word joiner", "\ufff9interlinear\ufffb",
    "\U000e0041tag", "x\ufe0fy", "\u0600arabic number sign", "\u070f", "\u17b4", "\u00b7 middle dot", "\u30fb katakana dot", "\uff01\uff0c\uff0e", "\u2e80 \u2f00",
    "\u3400 \u4dbf \u4dc0 \u4e00 \u9fff \ua000", "\uf900 \ufaff", "\U00020000 \U0002a6df \U0002b820 \U0002ceaf \U0002f800 \U0002fa1f",
]


def strings(count: int) -> list[str]:
    """Hand-written strings, one string for every kind of character, texts of the tasks, and random mixtures of these."""
    chance = random.Random(f"{SEED} golden")
    found = list(HAND_WRITTEN)
    blocks = [(0x21, 0x7F), (0xA0, 0x250), (0x250, 0x530), (0x530, 0x700), (0x900, 0xE00), (0xE00, 0x1100), (0x1E00, 0x2000),
              (0x2000, 0x2C00), (0x3000, 0x3130), (0x4E00, 0x4F00), (0xA640, 0xA830), (0xAC00, 0xAD00), (0xF900, 0xFFFE),
              (0x10000, 0x10100), (0x1D400, 0x1D800), (0x1F300, 0x1F700), (0x20000, 0x20100)]
    for _ in range(500):
        low, high = chance.choice(blocks)
        letters = [chr(chance.randrange(low, high)) for _ in range(chance.randint(1, 24))]
        found.append("".join(letter + chance.choice(("", "", "", " ", "\u0301", "-")) for letter in letters))
    for task in TEXT_TASKS:
        # mostly short texts, which keep the test fast
        texts = [item.text for item in data.load(task, "train") if len(item.text) < 400]
        chosen = chance.sample(texts, min(len(texts), 170))
        found += chosen
        found += [unicodedata.normalize("NFD", text).upper() for text in chosen[:20]]
    while len(found) < count:
        words = " ".join(chance.sample(found[:700], 3))[:120].split(" ")
        chance.shuffle(words)
        found.append(" ".join(words))
    return [text for text in found if not any(0xD800 <= ord(letter) < 0xE000 for letter in text)]
