"""Requests on which two readers are most likely to differ: an own text, and the attachments behind it."""

from __future__ import annotations

import random

from . import golden_strings
from .tasks import SEED

_CODE = "def area(width, height):\n\treturn width * height  # m²\n\n\nclass Box:\n    pass\n"
_HTML = '<html>\r\n<body>\r\n  <h1>Orders &amp; Returns</h1>\r\n  <p>Send it <b>back</b> by 5&nbsp;May.</p>\r\n</body>\r\n</html>\r\n'
_TABLE = ("| Item | Price | Note |\n|------|------:|------|\n| Desk | 1,200.00 | oak |\n| Lamp |    35.50 |  |\n\n"
          "name\tcity\tsince\nMaría\tSão Paulo\t2019\nJürgen\tKöln\t2021\n")
_LOG = ("2026-11-30T19:43:45.123Z ERROR [pool-7] Connection to db-3:5432 refused\n"
        "\tat java.base/sun.nio.ch.Net.connect(Net.java:579)\n\tat Pool.open(Pool.java:88)\n... 14 more\n")
_CLAUSES = ("1. Term. This Agreement begins on the Effective Date and continues for two years.\n"
            "2. Termination. Either party may end it with thirty days' written notice.\n"
            "3. Liability. Neither party is liable for indirect damages.\n")
_MAIL = "Hi,\n\nthe export has crashed since Monday. Please look at the attached log, and tell me whether we may refund the order.\n\nThanks\nAda"

_WRITTEN: list[list[str]] = [
    [""], [" "], ["\n"], [" \t\r\n\r\n  "], ["", ""], ["", "Only the attachment has a text."], [" \n ", "\n\nText between line ends.\n\n"],
    ["What's on my calendar?", ""], ["set an alarm for six and then play some jazz"],
    ["Play some Jazz. BOOK a table, and then call Mum!"], [_MAIL, _LOG], [_MAIL, _CLAUSES, _TABLE], ["Which of these is unfair?", _CLAUSES],
    ["Review the code below", _CODE], ["Translate this page", _HTML], ["Sum up the table.", _TABLE],
    ["a\rb\r\nc\n\rd\n \n\t\r\n e \n"], ["\r\n\r\nLeading and trailing\r\n\r\n"], ["no end\n"], ["one\n\ntwo\n \n\nthree  \nfour\t\n"],
    ["[SEP] [CLS] [unused1] [unused2] [UNK] ##ing"], ["Zürich, ÅNGSTRÖM und ÉTÉ: Straße, naïve, façade."],
    ["Cafe\u0301 A\u030angstro\u0308m e\u0301e\u0302\u0301 \u0301leading"], ["İstanbul'da IĞDIR ve ıspanak. Bugün hava nasıl?"],
    ["Привет! Поставь будильник на семь. ЁЖИК, ёжик."], ["Καλημέρα κόσμε. ΌΣΟΣ; Πού είναι η πλατεία;"],
    ["明天上海的天气怎么样？请把会议改到三点。"], ["明日の天気は？ カタカナ と ひらがな、それと漢字。\n会議を三時に。"],
    ["오늘 날씨 어때? 알람을 여섯 시로 맞춰 줘. \u1112\u1161\u11ab"], ["ما هو الطقس غدًا؟ العَرَبِيَّة نص."], ["מה השעה? עִבְרִית טקסט."],
    ["कल मौसम कैसा रहेगा? हिन्दी में पाठ।"], ["พรุ่งนี้อากาศเป็นอย่างไร ภาษาไทย"], ["😀 Great job 👍🏽! 👨‍👩‍👧‍👦 family 🇩🇪🇯🇵 a😀b ❤️"],
    ["no\u00a0break\u2003em\u3000wide\u2028line\u2029para\x0bvertical\x0cfeed\x85nel\x1cfile\x1funit"],
    ["zero\u200bwidth\u200cnon\u200djoiner soft\u00adhyphen \ufeffmark \x00nul\x7f \ufffd A\x00B"],
    ["Ⓐ Ⓑ ⓒ Ⅻ ⅷ ǅ ǆ Ǆ ẞ ß ϒ 𝐀𝐁𝐜 𝕏 Ⰰ Ꭰ ꭰ Ა ა"], ["ﬁ ﬂ ﬃ Ｆｕｌｌｗｉｄｔｈ １２３ ½ ² ™ №"],
    ["a" * 100, "a" * 101, "e\u0301" * 100 + "x", "Word " + "é" * 101 + " next"], ["." * 70 + "\n" + "-" * 30 + "Ab" * 20],
    ["q=' OR 1=1 --&page=2", "GET /a?b=<script>alert('x')</script> HTTP/1.1\r\nHost: example.com\r\n\r\n"],
    ["{\"json\": [1, 2.5e-3, null],\n \"Key\": \"Värde\"}"], ["C:\\Windows\\system32 ../../etc/passwd user@example.com"],
    ["각 간갇 힣 A각B"], ["中a文B。豈更車〇々〆𠀀𪜀"], ["ŉ ǰ ΐ K Å ª º \u0345 q\u0307\u0323 \u0f73"], ["Trailing blanks   ", "   Leading blanks"],
    ["X"], ["x"], ["\u0301"], ["\u200b"],
]


def requests() -> list[list[str]]:
    """Requests that somebody wrote, the tokenizer's strings, and texts of several windows."""
    chance = random.Random(f"{SEED} golden requests")
    short = [text for text in golden_strings.HAND_WRITTEN if len(text) <= 120]
    third = len(short) // 3
    tricky = [["\n".join(short[part * third : (part + 1) * third])] for part in range(3)]
    sentences = [text for request in _WRITTEN for text in request if 20 < len(text) < 200]

    def long(count: int) -> str:
        return "".join(chance.choice(sentences) + chance.choice((" ", " ", "\n", "\r\n", "\n\n")) for _ in range(count))

    several = [[long(9)], [long(30)], ["Look at the attachments.", long(12), long(18)], [long(14), "A short one.", long(7)],
               ["play some jazz and " * 60], ["Word " * 75 + "\n" * 40 + "word " * 75], ["", long(10)]]
    return _WRITTEN + tricky + several
