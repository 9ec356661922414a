"""LiteLLM's proxy with a mock response under an HTTP load.

`python -m peer.gateway URL [SECONDS]` puts the same load on another HTTP server, with the body and the key that GATEWAY_BODY
and GATEWAY_KEY name. `python -m peer.gateway --before ADDRESS CONNECTIONS [SECONDS]` measures the proxy in front of a server of
chat completions.
"""

from __future__ import annotations

import asyncio
import json
import os
import secrets
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any
from urllib.parse import SplitResult, urlsplit

import uvloop

from processes import cpu_of_living, descendants, resident

CONNECTIONS = 64
KEY = os.environ.get("GATEWAY_KEY") or f"sk-{secrets.token_hex(24)}"  # the proxy does not start without one
CONFIG = """
model_list:
  - model_name: mock
    litellm_params: {{model: openai/mock, api_key: none, {answers}}}
"""
BODY = os.environ.get("GATEWAY_BODY") or json.dumps(
    {"model": "mock", "messages": [{"role": "user", "content": "Is this harmless? 1' OR '1'='1"}]})


async def connection(url: SplitResult, until: float, latencies: list[float]) -> None:
    """One connection, kept alive, one request after the other."""
    reader, writer = await asyncio.open_connection(url.hostname, url.port)
    request = (f"POST {url.path} HTTP/1.1\r\nHost: {url.netloc}\r\nAuthorization: Bearer {KEY}\r\n"
               f"Content-Type: application/json\r\nContent-Length: {len(BODY.encode())}\r\n\r\n{BODY}").encode()
    while (began := time.perf_counter()) < until:
        writer.write(request)
        head = (await reader.readuntil(b"\r\n\r\n")).lower()
        if b" 200 " not in head.split(b"\r\n", 1)[0]:
            raise SystemExit(f"bench-peer: the gateway answered {head[:60]!r}")
        await reader.readexactly(int(head.split(b"content-length:")[1].split(b"\r\n")[0]))
        latencies.append((time.perf_counter() - began) * 1000)
    writer.close()


def load(url: str, seconds: float, connections: int = CONNECTIONS) -> dict[str, Any]:
    latencies: list[float] = []
    began = time.perf_counter()

    async def run() -> None:
        await asyncio.gather(*(connection(urlsplit(url), began + seconds, latencies) for _ in range(connections)))

    uvloop.run(run())
    took, count = time.perf_counter() - began, len(latencies)
    latencies.sort()
    return {"connections": connections, "requests": count, "requestsPerSecond": round(count / took, 1),
            "p50": round(latencies[count // 2], 1), "p99": round(latencies[int(count * 0.99)], 1)}


def await_proxy(proxy: subprocess.Popen[bytes], url: str, log: Path) -> None:
    deadline = time.monotonic() + 150
    while True:
        try:
            load(url, 0.2, 4)
            return
        except (OSError, asyncio.IncompleteReadError):
            if time.monotonic() > deadline or proxy.poll() is not None:
                raise SystemExit(f"bench-peer: the proxy did not start, see {log}") from None
            time.sleep(0.5)


def stop(proxy: subprocess.Popen[bytes]) -> None:
    proxy.terminate()
    try:
        proxy.wait(15)
    except subprocess.TimeoutExpired:
        pass
    try:
        os.killpg(proxy.pid, signal.SIGKILL)  # its own session: what is left of it, and nothing else
    except ProcessLookupError:
        pass
    proxy.wait()


def measure(folder: Path, seconds: float, server: str | None = None, connections: int = CONNECTIONS) -> dict[str, Any]:
    """Asks a proxy that answers itself, or passes the calls on to a server.

    - Produces: what `load` reports, with processor time and memory of all processes of the proxy.
    """
    workers = os.cpu_count() or 1
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    config, log = folder / "litellm.yaml", folder / "litellm.log"
    config.write_text(CONFIG.format(answers=f'api_base: "{server}/v1"' if server else 'mock_response: "ok"'))
    url = f"http://127.0.0.1:{port}/v1/chat/completions"
    environment = os.environ | {"LITELLM_LOCAL_MODEL_COST_MAP": "True", "LITELLM_MODE": "PRODUCTION", "LITELLM_LOG": "ERROR",
                                "LITELLM_MASTER_KEY": KEY}
    with open(log, "wb") as output:
        proxy = subprocess.Popen(
            [Path(sys.executable).parent / "litellm", "--config", config, "--host", "127.0.0.1", "--port", str(port),
             "--num_workers", str(workers), "--timeout_worker_healthcheck", "120"],
            env=environment, stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True)
    try:
        await_proxy(proxy, url, log)
        load(url, seconds / 3, connections)
        members = descendants(proxy.pid)
        before = cpu_of_living(members)
        report = load(url, seconds, connections)
        spent = cpu_of_living(members) - before
        return report | {"workers": workers, "cpuSecondsPer1000": round(spent / report["requests"] * 1000, 4),
                         "residentMB": round(sum(map(resident, members)), 1)}
    finally:
        stop(proxy)


def main(words: list[str]) -> dict[str, Any]:
    if words[0] != "--before":
        return load(words[0], float(words[1] if words[1:] else 10))
    with tempfile.TemporaryDirectory() as folder:
        return measure(Path(folder), float(words[3] if words[3:] else 15), words[1], int(words[2]))


if __name__ == "__main__":
    print(json.dumps(main(sys.argv[1:])))
