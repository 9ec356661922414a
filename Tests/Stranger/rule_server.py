#!/usr/bin/env python3
"""A server of /v1/chat/completions that answers tickets by a rule, and writes down every answer. Standard library only.

rule_server.py ORDERS JOURNAL      prints its address

ORDERS is a JSON file that is read for every question: {"rule": "plain" or "drifted", "delayMs": N}. So the model behind the address
changes while the address stays, as a provider's model does. JOURNAL gets a JSON line for each answer. No two answers have the same
numbers of output tokens and of cached tokens, so a row of a ledger can be matched with its answer.
"""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path

from chat_server import Server
from tickets import team

# Below the 256 tokens that a label may have, and below the tokens of the shortest prompt.
_OUTPUTS, _CACHED = 200, 90


class RuleServer(Server):
    def __init__(self, orders: Path, journal: Path) -> None:
        super().__init__(delay=0, faults=0, seed=1)
        self.orders, self.answers = orders, open(journal, "a", encoding="utf-8", buffering=1)

    async def answer(self, writer: asyncio.StreamWriter, question: dict) -> bool:
        orders = json.loads(self.orders.read_text())
        await asyncio.sleep(orders["delayMs"] / 1000)
        number, self.answered = self.answered, self.answered + 1
        if number >= _OUTPUTS * _CACHED:
            await self.send(writer, 503, {"error": {"message": "every pair of numbers is used"}})
            return True
        prompt = json.dumps(question["messages"])
        usage = {"prompt_tokens": max(100, len(prompt) // 4), "completion_tokens": 1 + number % _OUTPUTS,
                 "prompt_tokens_details": {"cached_tokens": number // _OUTPUTS}}
        label = team(question["messages"][-1]["content"], orders["rule"])
        # Written first: an answer that nobody reads has been given all the same.
        self.answers.write(json.dumps({"input": usage["prompt_tokens"], "cached": number // _OUTPUTS,
                                       "output": usage["completion_tokens"], "label": label}) + "\n")
        await self.send(writer, 200, {
            "id": f"answer-{number}", "object": "chat.completion", "model": question["model"], "usage": usage,
            "choices": [{"index": 0, "finish_reason": "stop",
                         "message": {"role": "assistant", "content": json.dumps({"label": label})}}]})
        return True


async def main() -> None:
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    server = RuleServer(Path(sys.argv[1]), Path(sys.argv[2]))
    listening = await asyncio.start_server(server.connection, "127.0.0.1", 0, backlog=1024, limit=1 << 22)
    print(f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}", flush=True)
    await listening.serve_forever()


if __name__ == "__main__":
    asyncio.run(main())
