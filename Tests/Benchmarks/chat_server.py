#!/usr/bin/env python3
"""A server of /v1/chat/completions that answers at once or late, and on request badly. Standard library only.

chat_server.py [--port N] [--delay-ms N] [--faults SHARE] [--seed N] [--journal FILE] [--answers FILE]    prints its address

It answers a question of labels with one of the labels, one of JSON with an empty object, one of routes with one of the routes,
for each part between two “and” if it is asked to cut, and all others with a text, always the same for the same prompt. GET /stats says how often it was asked and has answered well. With --faults it does for that share of the
requests what real servers do: 429 and 500, a connection that breaks, a response that is cut off or is no JSON, an answer that is
none of the labels, and one without its usage. The journal gets a line for each good answer, the SHA-256 of its prompt, and survives the server.
With --answers, a JSON list of [part, labels], a text with the part gets its labels in turn, so that several labels make an unsure model.
"""

from __future__ import annotations

import argparse
import asyncio
import hashlib
import json
import random
import signal


class Server:
    def __init__(self, delay: float, faults: float, seed: int, journal: str | None = None,
                 answers: list[tuple[str, list[str]]] | None = None) -> None:
        self.answers = answers or []
        self.delay, self.faults, self.random = delay, faults, random.Random(seed)
        self.journal = open(journal, "a", encoding="ascii", buffering=1) if journal else None
        self.asked = self.answered = self.in_flight = self.most = 0
        self.prompts: dict[str, int] = {}

    async def connection(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while await self.request(reader, writer):
                pass
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    async def request(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        head = await reader.readuntil(b"\r\n\r\n")
        lines = head.decode("latin-1").split("\r\n")
        length = next((int(line.split(":")[1]) for line in lines if line.lower().startswith("content-length:")), 0)
        body = await reader.readexactly(length)
        if lines[0].startswith("GET /stats"):
            repeated = sum(count - 1 for count in self.prompts.values())
            await self.send(writer, 200, {"asked": self.asked, "answered": self.answered, "inFlight": self.in_flight,
                                          "mostInFlight": self.most, "answeredAgain": repeated})
            return True
        if not lines[0].startswith("POST"):
            await self.send(writer, 404, {"error": {"message": "no such page"}})
            return True
        self.asked += 1
        self.in_flight += 1
        self.most = max(self.most, self.in_flight)
        try:
            await asyncio.sleep(self.delay)
        finally:
            self.in_flight -= 1
        return await self.answer(writer, json.loads(body))

    async def answer(self, writer: asyncio.StreamWriter, question: dict) -> bool:
        fault = None
        if self.random.random() < self.faults:
            fault = self.random.choice(["429", "500", "reset", "cut", "garbled", "outside", "no usage"])
        if fault == "429":
            await self.send(writer, 429, {"error": {"message": "slow down"}}, "Retry-After: 0\r\n")
            return True
        if fault == "500":
            await self.send(writer, 500, {"error": {"message": "broken"}})
            return True
        if fault == "reset":
            return False
        prompt = json.dumps(question["messages"], sort_keys=True)
        content = self.content(question, prompt)
        if fault == "outside":
            content = "something else"
        else:
            self.answered += 1
            self.prompts[prompt] = self.prompts.get(prompt, 0) + 1
            if self.journal:
                self.journal.write(hashlib.sha256(prompt.encode()).hexdigest() + "\n")
        reply = {
            "id": "x", "object": "chat.completion", "model": question["model"],
            "choices": [{"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": content}}],
            "usage": {"prompt_tokens": len(prompt) // 4, "completion_tokens": 4},
        }
        if fault == "no usage":
            del reply["usage"]
        data = json.dumps(reply).encode()
        if fault == "garbled":
            data = data[: len(data) // 2]
        if fault == "cut":
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(data))
            writer.write(data[:10])
            await writer.drain()
            return False
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(data) + data)
        await writer.drain()
        return True

    def content(self, question: dict, prompt: str) -> str:
        schema = question.get("response_format", {}).get("json_schema", {}).get("schema", {})
        labels = schema.get("properties", {}).get("label", {}).get("enum")
        for part, known in self.answers:
            if labels and part in question["messages"][-1]["content"]:
                return json.dumps({"label": known[self.prompts.get(prompt, 0) % len(known)]})
        if labels:
            return json.dumps({"label": labels[hashlib.sha256(prompt.encode()).digest()[0] % len(labels)]})
        if "parts" in schema.get("properties", {}):
            return json.dumps({"parts": Server.parts(schema, question["messages"][-1]["content"])})
        if "routes" in schema.get("properties", {}):
            return json.dumps({"routes": Server.routes(schema, prompt)})
        return "{}" if schema else f"{question['model']} writes about " + question["messages"][-1]["content"][:40]

    @staticmethod
    def parts(schema: dict, text: str) -> list[dict]:
        """Cuts a text before each “and”."""
        words = [part if place == 0 else "and " + part for place, part in enumerate(text.split(" and "))]
        item = schema["properties"]["parts"]["items"]
        return [{"begins": " ".join(part.split()[:3]), "routes": Server.routes(item, part)} for part in words]

    @staticmethod
    def routes(schema: dict, text: str) -> list[str]:
        routes = schema["properties"]["routes"]["items"]["enum"]
        return [routes[hashlib.sha256(text.encode()).digest()[0] % len(routes)]]

    @staticmethod
    async def send(writer: asyncio.StreamWriter, status: int, body: dict, fields: str = "") -> None:
        data = json.dumps(body).encode()
        head = f"HTTP/1.1 {status} X\r\nContent-Type: application/json\r\n{fields}Content-Length: {len(data)}\r\n\r\n"
        writer.write(head.encode() + data)
        await writer.drain()


async def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--delay-ms", type=float, default=0)
    parser.add_argument("--faults", type=float, default=0)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--journal")
    parser.add_argument("--answers")
    options = parser.parse_args()
    # A Swift test starts it with all signals blocked, and waits for its end at last.
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTERM})
    answers = None
    if options.answers:
        with open(options.answers, encoding="utf-8") as file:
            answers = json.load(file)
    server = Server(options.delay_ms / 1000, options.faults, options.seed, options.journal, answers)
    listening = await asyncio.start_server(server.connection, "127.0.0.1", options.port, backlog=1024, limit=1 << 22)
    print(f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}", flush=True)
    await listening.serve_forever()


if __name__ == "__main__":
    asyncio.run(main())
