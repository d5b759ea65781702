"""The process that holds the bundled language model: `python -m chat.llama_server`.

A process of its own, because loading holds the interpreter's lock for seconds and would stop
every page, and because a crash inside llama.cpp must not take the product with it. It needs no
Django. Its parent writes the options as one line of JSON, reads one line with the address, and
keeps standard input open: when that closes, for whatever reason, this process ends.
"""

import json
import os
import sys
import traceback


def threads(cores: int) -> tuple[int, int]:
    """(decode, prefill) threads. With two cores one thread decodes: two fall to a tenth of the
    speed as soon as anything else runs, since each token waits for the slower one."""
    return max(1, min(cores // 2, 8)), max(1, min(cores, 16))


def parameters(options: dict):
    """What llama.cpp is told, from {"model", "api_key", "context"}."""
    import xllamacpp

    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    params = xllamacpp.CommonParams()
    params.model.path = options["model"]
    params.cpuparams.n_threads, params.cpuparams_batch.n_threads = threads(cores)
    params.n_parallel = 1 if cores < 8 else 2
    params.n_ctx = options["context"] * params.n_parallel
    params.hostnames = ["127.0.0.1"]
    params.port = 0
    params.api_keys = [options["api_key"]]
    params.cache_ram_mib = 0  # the slot's own cache holds the shared prefix
    params.ui = False
    params.endpoint_slots = False
    params.warmup = False
    params.verbosity = 1
    return params


def main() -> None:
    options = json.loads(sys.stdin.readline())
    answer = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # whatever the library prints goes to the log, not into the answer
    import xllamacpp

    try:
        server = xllamacpp.Server(parameters(options))
        answer.write(json.dumps({"address": server.listening_address}) + "\n")
        answer.flush()
        sys.stdin.read()
    except BrokenPipeError:
        pass  # the parent died while the model was loaded
    except BaseException:
        traceback.print_exc()
        os._exit(1)
    os._exit(0)  # at once: an orderly end would wait for answers that nobody reads any more


if __name__ == "__main__":
    main()
