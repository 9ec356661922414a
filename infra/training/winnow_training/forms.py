"""Requests in the forms that machines write: logs, tables, JSON, mail, contracts and reports, with texts of the benchmark data.

There are few of each form among the requests that people have written, and each has a unit of its own: a line, a cell, a value, a
clause with its heading, a whole report.
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Sequence
from functools import lru_cache
from urllib.parse import quote_plus

from . import augment, data, router_data
from .requests import Request, Source, Span, texts_of
from .tasks import CLAUSE_TYPE, INTENT, ISSUE_TYPE, PAYLOAD, PROMPT_ATTACK, SEED, UNFAIR_TERM

_CHECK = ("Which of these are attacks?", "Please say of each line whether it is an attack.", "Verdict per line.", "Label each as benign or attack",
          "Are any of these injections?", "Our firewall flagged the attached. Real or false alarm?", "Check these values, please.",
          "pls check, line by line", "Attached is what reached the server this morning. Anything hostile in it?",
          "Security triage: what kind of attack is each, if any?")
_CLAUSES = ("Please classify the clauses of the attached agreement.", "What type is each section?", "Clause types, please.",
            "Tag every clause; skip nothing.", "Kindly tell us which type each paragraph has.", "Label the sections below.",
            "Our counsel wants to know what kind of clause each of these is.", "Contract review: clause by clause, please.")
_TERMS = ("Are these terms fair?", "Which of these sentences are unfair to a consumer?", "Fairness check, please.", "fair or unfair?",
          "Please mark what is unfair in these terms of service.", "Can they really do that? One sentence at a time, please.")
_REPORTS = ("Please triage these reports.", "Bug, feature or question?", "Label every row.", "Sort these for the developers, please.",
            "From the tracker, unsorted:", "Type of each, please.", "Here is what users sent us this week.")
_PROMPTS = ("Are these prompt injections?", "Which of these messages try to jailbreak our bot?", "Please check the messages below.",
            "Is any of this an attack on our assistant?", "Messages that our filter caught; which ones are real attacks?",
            "Screen these inputs for injection attempts.")
_WISHES = ("Sort each message to the right desk, please.", "Here is the export of the chat queue.", "Everything that guests asked this morning:",
           "my list for today", "Please take care of these.", "Can you do all of these for me?")
_WORK = ("Summarise the attached, please.", "Translate this into German.", "Please turn the attached into a table.", "Correct the spelling, nothing else.",
         "Make this shorter, and keep the order.", "Rewrite it in plain English.", "Count the lines of the attachment.", "Put the following into a polite mail:",
         "Write a script that parses lines like these.", "Give me three bullet points of what it says.")
_HELLOS = ("Hello,", "Hi team,", "Dear colleagues,", "Good morning!", "hey", "Hi,", "Hello support,")
_ENDS = ("Thanks!", "Thank you.", "Kind regards,\nR. Okafor", "Best,\nthe platform team", "cheers", "Thanks in advance.", "Regards,\nLena")
_AGENTS = ("Mozilla/5.0", "curl/8.4.0", "python-requests/2.31", "Mozilla/5.0 (X11; Linux x86_64)")
_PATHS = ("/search", "/login", "/api/v2/items", "/view", "/cart", "/download.php", "/profile", "/index.html", "/img/logo.png", "/hotels")
_FIELDS = ("q", "name", "comment", "user", "file", "path", "ref", "note", "city", "page", "email", "memo")
_HEADINGS = ("Term", "Governing Law", "Assignment", "Confidentiality", "Insurance", "Exclusivity", "Termination", "Licence", "Audit", "Warranty",
             "Liability", "Notices", "Payment", "Non-Competition", "Renewal", "Territory")


class Draft:
    """A source as it grows."""

    def __init__(self) -> None:
        self.text = ""
        self.spans: list[Span] = []

    def gap(self, text: str) -> Draft:
        self.text += text
        return self

    def item(self, text: str, *routes: str) -> Draft:
        """Adds an item, without white space at its ends."""
        body = text.strip()
        if body:
            self.spans.append(Span(len(self.text), len(self.text) + len(body), frozenset(routes)))
            self.text += body
        return self

    def source(self, name: str | None = None) -> Source:
        return Source(name, self.text, tuple(self.spans))


Routes = tuple[str, ...]  # one route, or none where the request asks for other work on the text
Lines = Callable[[Draft, random.Random, Routes], None]


def _address(chance: random.Random) -> str:
    return f"{chance.choice(('192.0.2', '198.51.100', '203.0.113'))}.{chance.randrange(1, 255)}"


def _value(chance: random.Random) -> str:
    return chance.choice(texts_of(PAYLOAD.key))[:160]


def _log(draft: Draft, chance: random.Random, route: Routes) -> None:
    stamp = chance.randrange(5)
    hour, second = chance.randrange(24), chance.randrange(3000)
    for _ in range(chance.randint(2, 9)):
        second += chance.randrange(9)
        clock = f"{hour:02}:{second // 60:02}:{second % 60:02}"
        value = quote_plus(_value(chance)) if chance.random() < 0.6 else str(chance.randrange(900))
        target = f"{chance.choice(_PATHS)}?{chance.choice(_FIELDS)}={value}" if chance.random() < 0.8 else chance.choice(_PATHS)
        call = f"{chance.choice(('GET', 'GET', 'POST', 'PUT'))} {target} HTTP/1.1"
        status = chance.choice((200, 200, 302, 403, 404, 500))
        line = (f'{_address(chance)} - - [12/Mar/2026:{clock} +0000] "{call}" {status} {chance.randrange(9000)}',
                f'{_address(chance)} [12/Mar/2026:{clock}] "{call}" {status} "-" "{chance.choice(_AGENTS)}"',
                f"{clock} {_address(chance)} {target} {status}",
                f"2026-03-12T{clock}Z {chance.choice(('INFO', 'WARN', 'ERROR'))} {chance.choice(('waf', 'api', 'web'))}: {call} from {_address(chance)}",
                f'2026-03-12 {clock} {chance.choice(("INFO", "WARN"))} {chance.choice(("login failed", "template not found", "search", "cache refreshed"))} '
                f'{chance.choice(_FIELDS)}="{_value(chance)[:80]}" ip={_address(chance)}')[stamp]
        draft.item(line, *route).gap("\n")


def _json_lines(draft: Draft, chance: random.Random, route: Routes) -> None:
    field = chance.choice(_FIELDS)
    for number in range(chance.randint(2, 7)):
        row = {"id": number + 1, field: _value(chance)}
        if chance.random() < 0.4:
            row[chance.choice(_FIELDS)] = _value(chance)[:40]
        draft.item(json.dumps(row, ensure_ascii=False), *route).gap("\n")


def _json_array(draft: Draft, chance: random.Random, route: Routes, texts: Sequence[str] | None = None) -> None:
    key = chance.choice(_FIELDS) if chance.random() < 0.5 else None
    draft.gap("[\n")
    values = texts or [_value(chance) for _ in range(chance.randint(2, 6))]
    for number, value in enumerate(values):
        inner = json.dumps(value, ensure_ascii=False)[1:-1]
        draft.gap(f'  {{"{key}": "' if key else '  "').item(inner, *route)
        draft.gap('"}' if key else '"').gap(",\n" if number + 1 < len(values) else "\n")
    draft.gap("]\n")


def _table(draft: Draft, chance: random.Random, route: Routes, texts: Sequence[str] | None = None) -> None:
    """CSV, or a table in Markdown."""
    values = texts or [_value(chance) for _ in range(chance.randint(2, 6))]
    names = (chance.choice(("id", "ticket", "row", "no", "time")), chance.choice(("value", "message", "text", "what", "param", "comment")))
    if chance.random() < 0.4:
        draft.gap(f"| {names[0]} | {names[1]} |\n|---|---|\n")
        for number, value in enumerate(values):
            draft.gap(f"| {number + 1} | ").item(value.replace("|", "/").replace("\n", " "), *route).gap(" |\n")
        return
    head = f"{names[0]},{names[1]}"
    if chance.random() < 0.5:
        draft.item(head)
    else:
        draft.gap(head)
    first = chance.randrange(1, 5000)
    for number, value in enumerate(values):
        draft.gap(f'\n{first + number},"').item(value.replace('"', '""').replace("\n", " "), *route).gap('"')
    draft.gap("\n")


def _list(draft: Draft, chance: random.Random, route: Routes, texts: Sequence[str]) -> None:
    style = chance.choice(("- {} ", "* {} ", "• {} ", "{}. ", "{}) ", "({}) ", "#{} ", "", "\"", "> ", "`"))
    apart = "\n\n" if chance.random() < 0.3 else "\n"
    letters = chance.random() < 0.3
    for number, text in enumerate(texts):
        count = "abcdefghijklmnop"[number % 16] if letters else str(number + 1)
        mark = style.format(count) if style[:1] not in "-*•" else style[:2]
        close = style if style in ("\"", "`") else ""
        draft.gap(mark).item(text, *route).gap(close + apart)


def _session(draft: Draft, chance: random.Random, route: Routes, texts: Sequence[str]) -> None:
    """The turns of a chat, as JSON or YAML."""
    if chance.random() < 0.5:
        draft.gap("[\n")
        for number, text in enumerate(texts):
            draft.gap('  {"role": "user", "content": "').item(json.dumps(text, ensure_ascii=False)[1:-1], *route).gap('"}')
            draft.gap(",\n" if number + 1 < len(texts) else "\n")
        draft.gap("]\n")
        return
    key = chance.choice(("text", "input", "content", "message"))
    for number, text in enumerate(texts):
        draft.gap(f'- from: u{number + 1}\n  {key}: "').item(text.replace('"', "'"), *route).gap('"\n')


def _values(draft: Draft, chance: random.Random, route: Routes) -> None:
    form = chance.randrange(4)
    texts = [_value(chance) for _ in range(chance.randint(1, 5))]
    if form == 0:
        _json_array(draft, chance, route, texts)
    elif form == 1:
        _table(draft, chance, route, texts)
    elif form == 2:
        _list(draft, chance, route, texts)
    else:
        for text in texts:
            draft.gap(chance.choice(_FIELDS) + chance.choice((": ", " = ", "="))).item(text, *route).gap("\n")


def _prompts(draft: Draft, chance: random.Random, route: Routes) -> None:
    texts = [" ".join(text.split())[:500] for text in chance.sample(texts_of(PROMPT_ATTACK.key), chance.randint(1, 4))]
    form = chance.randrange(5)
    if form == 0:
        _json_array(draft, chance, route, texts)
    elif form == 1:
        _table(draft, chance, route, texts)
    elif form == 2:
        _list(draft, chance, route, texts)
    elif form == 3:
        _session(draft, chance, route, texts)
    else:
        for text in texts:
            draft.gap(chance.choice(("User: ", "Human: ", "[chat] ", "user> "))).item(text, *route).gap("\n")


def _wishes(draft: Draft, chance: random.Random, route: Routes) -> None:
    texts = chance.sample(texts_of(INTENT.key), chance.randint(2, 6))
    chance.choice((_table, _list, _list))(draft, chance, route, texts)


def _contract(draft: Draft, chance: random.Random, route: Routes) -> None:
    if chance.random() < 0.6:
        draft.item(chance.choice(("SERVICES AGREEMENT", "# Distribution Agreement", "LICENCE AGREEMENT", "**Reseller Agreement**", "CONTRACT"))).gap("\n")
        if chance.random() < 0.5:
            draft.item(chance.choice(("between Alder Works Ltd. (\"Supplier\") and Birch & Co. (\"Customer\")",
                                      "This Agreement is made on 3 May 2026 by Lindholm AS and Pinewood Inc."))).gap("\n")
        draft.gap("\n")
    style = chance.randrange(6)
    heads = style == 5 or chance.random() < 0.6
    for number, text in enumerate(chance.sample(texts_of(CLAUSE_TYPE.key), chance.randint(2, 6))):
        name = chance.choice(_HEADINGS)
        draft.gap((f"{number + 1}. ", f"Section {number + 1}. ", f"§ {number + 1} ", f"{3 + number}.1 ", f"({'abcdefgh'[number]}) ",
                   f"ARTICLE {number + 1} ")[style])
        heading = (name.upper() + ". ", f"{name}. ", f"*{name}.* ", f"{name}\n", f"{name}: ", f"{name.upper()}\n")[style] if heads else ""
        draft.item(heading + text, *route).gap(chance.choice(("\n\n", "\n")))


def _terms(draft: Draft, chance: random.Random, route: Routes) -> None:
    texts = chance.sample(texts_of(UNFAIR_TERM.key), chance.randint(2, 7))
    form = chance.randrange(3)
    if form == 0:
        _list(draft, chance, route, texts)
    elif form == 1:
        for text in texts:
            draft.item(text, *route).gap(" ")
    else:
        for number, text in enumerate(texts):
            if number % 2 == 0:
                draft.gap(f"{number // 2 + 1}. ").item(chance.choice(_HEADINGS)).gap("\n")
            draft.item(text, *route).gap(" " if number % 2 == 0 else "\n")


def _reports(draft: Draft, chance: random.Random, route: Routes) -> None:
    texts = [" ".join(text.split())[:600] for text in chance.sample(texts_of(ISSUE_TYPE.key), chance.randint(1, 4))]
    if len(texts) > 1 and chance.random() < 0.5:
        _list(draft, chance, route, [text[:220] for text in texts])
        return
    is_numbered = len(texts) > 1 and chance.random() < 0.4
    for number, text in enumerate(texts):
        if is_numbered:
            draft.gap(f"### #{200 + 3 * number}\n")
        elif number:
            draft.gap(chance.choice(("\n---\n\n", "\n\n\n", "\n***\n")))
        draft.item(_as_report(text, chance), *route).gap("\n")


def _as_report(text: str, chance: random.Random) -> str:
    """A report of several lines: a title, sections, steps, and what a program printed."""
    title, _, body = text.partition(" . ")
    sentences = body.replace("! ", "! \n").replace(". ", ". \n").replace("? ", "? \n").split("\n")
    sentences = [sentence.strip() for sentence in sentences if sentence.strip()][:8] or [title]
    form = chance.randrange(6)
    if form == 0:
        return f"{title}\n\n" + " ".join(sentences)
    if form == 4:
        return (f"**Describe the bug**\n{title}. {sentences[0]}\n\n**To reproduce**\n```{chance.choice(('py', 'sh', '', 'js'))}\n{_snippet(chance)}\n```"
                f"\n\n**Expected behaviour**\n{sentences[-1]}\n\n**Environment**\nversion {chance.randrange(9)}.{chance.randrange(20)}, Debian 12")
    if form == 5:
        indented = "\n".join("    " + line for line in _snippet(chance).splitlines())
        return f"{title}\n\n{' '.join(sentences[:3])}\n\n{indented}\n\n{' '.join(sentences[3:5])}"
    if form == 1:
        lines = [f"**{title}**" if chance.random() < 0.5 else title, "", "Steps to reproduce:"]
        lines += [f"{number}. {sentence}" for number, sentence in enumerate(sentences[:4], 1)]
        return "\n".join([*lines, "", f"Expected: {sentences[-1]}", f"Actual: {sentences[0]}"])
    if form == 2:
        return (f"## {title}\n\n{' '.join(sentences[:3])}\n\n```\nTraceback (most recent call last):\n  File \"main.py\", line "
                f"{chance.randrange(400)}, in run\nValueError: {sentences[0][:60]}\n```\n\n{' '.join(sentences[3:5])}")
    return f"{title}. " + "\n".join(sentences)


def payload_lines(count: int, seed: str) -> list[data.Item]:
    """Values in a line of a log, of JSON or of a command, with the value's label: what is judged is the whole line then."""
    chance = random.Random(f"{SEED} lines {seed}")
    values = [item for item in (*data.load(PAYLOAD, "train"), *data.extra(PAYLOAD) * 3) if 2 < len(item.text) < 200 and "\n" not in item.text]
    rows = []
    for _ in range(count):
        benign = chance.random() < 0.5
        item = chance.choice(values)
        while (item.label == "benign") != benign:
            item = chance.choice(values)
        value, field, path = item.text, chance.choice(_FIELDS), chance.choice(_PATHS)
        coded = quote_plus(value) if chance.random() < 0.7 else value.replace(" ", "%20")
        clock = f"{chance.randrange(24):02}:{chance.randrange(60):02}:{chance.randrange(60):02}"
        agent = chance.choice(_AGENTS)
        rows.append(data.Item(chance.choice((
            f'{_address(chance)} - - [12/Mar/2026:{clock} +0000] "GET {path}?{field}={coded} HTTP/1.1" {chance.choice((200, 403, 500))} '
            f'{chance.randrange(9000)} "-" "{agent}"',
            f"{clock} {_address(chance)} {path}?{field}={coded} 200",
            json.dumps({"id": chance.randrange(99), field: value}, ensure_ascii=False),
            json.dumps({field: value, chance.choice(_FIELDS): chance.choice(("yes", "Lisbon", "12", "two people, window seat"))}, ensure_ascii=False),
            f"https://shop.example.com{path}?{field}={coded}",
            f"{field}={value}", f"{field}={coded}&page={chance.randrange(9)}", f'curl "https://api.example.com{path}?{field}={coded}"',
            f"<{field}>{value}</{field}>")), item.label))
    return rows


def _snippet(chance: random.Random) -> str:
    """A few lines of the standard library's source."""
    return "\n".join(chance.choice(_sources()).splitlines()[:8])


@lru_cache(maxsize=1)
def _sources() -> list[str]:
    return [text for _, text in router_data.code()]


def _code(draft: Draft, chance: random.Random, route: Routes) -> None:
    """Source to work on, which is no item of any task."""
    draft.item("\n".join(chance.choice(_sources()).splitlines()[:20])).gap("\n")


def _mail(draft: Draft, chance: random.Random, route: Routes) -> None:
    """Wishes in a mail with its headers, a greeting and a signature."""
    draft.item("From: Ines Falk <ines@example.com>\nTo: desk@example.com\n"
               f"Subject: {chance.choice(('trip', 'a few things', 'Friday', 'please'))}\nDate: Tue, 3 Mar 2026 08:{chance.randrange(60):02}:55 +0100").gap("\n\n")
    draft.item(chance.choice(_HELLOS)).gap("\n\n")
    for text in chance.sample(texts_of(INTENT.key), chance.randint(1, 4)):
        draft.item(augment.recased(text, chance), *route).gap(chance.choice((" ", " ", "\n")))
    draft.gap("\n\n").item(chance.choice(_ENDS)).gap("\n")


_KINDS: tuple[tuple[str, Sequence[str], Sequence[Lines]], ...] = (
    (PAYLOAD.key, _CHECK, (_log, _log, _json_lines, _values, _values, _values)),
    (PROMPT_ATTACK.key, _PROMPTS, (_prompts,)),
    (CLAUSE_TYPE.key, _CLAUSES, (_contract,)),
    (UNFAIR_TERM.key, _TERMS, (_terms,)),
    (ISSUE_TYPE.key, _REPORTS, (_reports, _reports)),
    (INTENT.key, _WISHES, (_wishes, _mail)),
    ("", ("Can you refactor this function?", "Add type hints, please.", "Port this to Go.", "What does this code do?", "Write a test for it:"), (_code,)),
)


def made(count: int, seed: str) -> tuple[Request, ...]:
    chance = random.Random(f"{SEED} forms {seed}")
    return tuple(_request(str(number), chance) for number in range(count))


def _request(identity: str, chance: random.Random) -> Request:
    route, asks, forms = chance.choice(_KINDS)
    form = chance.choice(forms)
    # One in seven asks for work on the text instead, and none of it is an item then.
    is_work = chance.random() < 0.15
    ask = chance.choice(_WORK if is_work else asks)
    own, rest = Draft(), Draft()
    if chance.random() < 0.3:
        own.item(chance.choice(_HELLOS)).gap(chance.choice(("\n\n", "\n", " ")))
    is_after = chance.random() < 0.2
    if not is_after:
        own.item(ask)
    form(rest, chance, () if is_work or not route else (route,))
    inner = rest.source()
    if chance.random() < 0.5:
        if is_after:
            own.item(ask)
        sources = [own.source(), Source("attachment", inner.text, inner.spans)]
    else:
        fence = chance.choice(("", "", "```\n")) if "```" not in inner.text else ""
        own.gap("\n\n" + fence if own.text else fence)
        start = len(own.text)
        own.spans += [Span(span.start + start, span.end + start, span.routes) for span in inner.spans]
        own.text += inner.text
        own.gap("\n```\n" if fence else "")
        if is_after:
            own.gap("\n").item(ask)
        if chance.random() < 0.25:
            own.gap("\n").item(chance.choice(_ENDS))
        sources = [own.source()]
    return Request(f"form-{identity}", "en", tuple(sources))
