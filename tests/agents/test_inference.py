"""Inference fails closed, leaks nothing, and records every attempt. All against real HTTP servers."""

import contextlib
import hashlib
import json
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler
from typing import Annotated, Any, Literal

import httpx
import pytest
from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError

from agents.model_calls.inference import ModelsConfig, NoModelAnsweredError, RoutedInference
from agents.model_calls.transport_errors import Failure, classify
from agents.model_calls.turns import Turns
from placet.contracts.analysis.inference import ModelUse
from placet.errors import ConfigurationError, InferenceError
from placet.governance.signing.canonical import canonical_bytes
from tests.agents.support import Wire, answering, failing, provider, send

# One process loads the model library; it takes five seconds of CPU.
pytestmark = pytest.mark.xdist_group("inference")

WIRES: tuple[Wire, ...] = ("openai", "anthropic")
SECRET = "sk-very-secret-value"
GOOD = '{"risk": "high", "why": "The customer has no contract and pays a lot."}'


class Answer(BaseModel):
    model_config = ConfigDict(extra="forbid")
    risk: Literal["low", "high"]
    why: Annotated[str, Field(max_length=200)]


def model(wire: Wire, base_url: str, **changes: Any) -> dict[str, Any]:
    facts = {"route": f"{wire}/m", "base_url": base_url, "perimeter": "inside", "timeout_s": 5, "max_tokens": 100}
    return {**facts, **changes}


def inference(models: dict[str, dict[str, Any]], **options: Any) -> RoutedInference:
    config = ModelsConfig.model_validate({"models": models, "tasks": {"retention": {"analyse": list(models)}}})
    return RoutedInference(config, secret=lambda name: SecretStr(SECRET) if name == "TEST_KEY" else None, **options)


def ask(subject: RoutedInference, user: str = "Customer: tenure 3 months.") -> Any:
    return subject.complete(
        "analyse", agent="retention", system="You assess.", user=user, schema=Answer, check=lambda _: ()
    )


def fail(subject: RoutedInference, user: str = "Customer: tenure 3 months.") -> NoModelAnsweredError:
    with pytest.raises(InferenceError) as caught:
        ask(subject, user)
    assert isinstance(caught.value, NoModelAnsweredError)
    assert "\n" not in str(caught.value)
    assert SECRET not in str(caught.value)
    return caught.value


def outcomes(uses: tuple[ModelUse, ...]) -> list[tuple[str, str]]:
    return [(use.model, use.outcome) for use in uses]


def test_importing_the_module_does_not_import_litellm() -> None:
    code = "import agents.model_calls.inference, agents.catalogue, sys; sys.exit('litellm' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.parametrize("wire", WIRES)
def test_a_valid_answer_comes_back_as_an_object_with_its_record(wire: Wire) -> None:
    with provider(answering(wire, GOOD)) as server:
        completion = ask(inference({"local": model(wire, server.base_url(wire))}))
    assert completion.value == Answer(risk="high", why="The customer has no contract and pays a lot.")
    assert completion.marks == ()
    (use,), (exchange,) = completion.attempts, completion.exchanges
    assert (use.outcome, use.prompt_tokens, use.completion_tokens, use.cost_microusd) == ("ok", 100, 50, 0)
    assert (use.task, use.route, use.perimeter) == ("analyse", f"{wire}/m", "inside")
    assert use.prompt_sha256 == hashlib.sha256(exchange.prompt.encode()).hexdigest()
    assert exchange.completion == GOOD
    assert use.completion_sha256 == hashlib.sha256(GOOD.encode()).hexdigest()
    assert "tenure 3 months" in exchange.prompt
    assert len(server.requests) == 1


def test_waiting_for_ones_turn_is_not_the_models_silence() -> None:
    """A server that answers one at a time, and ten that ask at once, each with less time than ten answers take."""
    busy = threading.Lock()
    crowd: list[bool] = []

    def slowly(number: int, handler: BaseHTTPRequestHandler) -> None:
        crowd.append(busy.locked())
        with busy:
            threading.Event().wait(0.4)
        # Free before it answers: whoever was told the answer may ask before this thread runs again.
        answering("openai", GOOD)(number, handler)

    with provider(slowly) as server, ThreadPoolExecutor(10) as threads:
        subject = inference({"local": model("openai", server.base_url("openai"), timeout_s=3.5, at_once=1)})
        asked = list(threads.map(lambda _: ask(subject).attempts[-1].outcome, range(10)))
    assert asked == ["ok"] * 10
    assert crowd == [False] * 10


def test_turns_are_taken_in_order_and_who_gives_up_holds_up_nobody() -> None:
    given_up = threading.Event()

    def waiting() -> None:
        if given_up.is_set() and threading.current_thread().name == "second":
            raise TimeoutError

    turns, release = Turns(1, waiting), threading.Event()
    order: list[str] = []

    def take(name: str) -> None:
        with contextlib.suppress(TimeoutError), turns.turn():
            order.append(name)
            release.wait(20)

    threads = [threading.Thread(target=take, args=(name,), name=name) for name in ("first", "second", "third")]
    for number, thread in enumerate(threads):
        thread.start()
        while len(turns._queue) + len(order) <= number:
            threading.Event().wait(0.01)
    given_up.set()
    threads[1].join(20)
    assert not threads[1].is_alive()
    release.set()
    for thread in threads:
        thread.join(20)
    assert order == ["first", "third"]


def test_the_server_is_given_the_schema_to_constrain_the_answer() -> None:
    with provider(answering("openai", GOOD)) as server:
        ask(inference({"local": model("openai", server.base_url("openai"))}))
    schema = server.requests[0]["response_format"]["json_schema"]["schema"]
    assert schema["properties"]["risk"]["enum"] == ["low", "high"]
    assert schema["additionalProperties"] is False
    assert server.requests[0]["temperature"] == 0


def _html(_: int, handler: BaseHTTPRequestHandler) -> None:
    send(handler, 200, "<html>hello</html>", "text/html")


def _cut_json(_: int, handler: BaseHTTPRequestHandler) -> None:
    send(handler, 200, '{"choices": [')


def _empty_object(_: int, handler: BaseHTTPRequestHandler) -> None:
    send(handler, 200, "{}")


def _hang_up(_: int, handler: BaseHTTPRequestHandler) -> None:
    handler.connection.close()


@pytest.mark.parametrize("wire", WIRES)
@pytest.mark.parametrize(
    ("reply", "outcome", "words"),
    [
        pytest.param(failing(404, "no model m"), "refused", "knows no such model", id="wrong-model-name"),
        pytest.param(failing(401, f"bad key {SECRET}"), "refused", "check TEST_KEY", id="key-refused"),
        pytest.param(failing(429, "slow down"), "refused", "rate limit", id="rate-limit"),
        pytest.param(failing(400, "context too long"), "refused", "HTTP 400", id="bad-request"),
        pytest.param(failing(500, "boom"), "unreachable", "server failed", id="server-error"),
        pytest.param(failing(503, "loading"), "unreachable", "server failed", id="loading"),
        pytest.param(_hang_up, "unreachable", "cannot connect", id="connection-dropped"),
        pytest.param(_html, "invalid_output", "cannot be read", id="html"),
        pytest.param(_cut_json, "invalid_output", "cannot be read", id="broken-body"),
        pytest.param(_empty_object, "invalid_output", "cannot be read", id="not-a-completion"),
    ],
)
def test_each_failure_has_its_outcome_and_one_clear_line_and_is_not_retried(
    wire: Wire, reply: Any, outcome: str, words: str
) -> None:
    with provider(reply) as server:
        error = fail(inference({"local": model(wire, server.base_url(wire), api_key="TEST_KEY")}))
    assert outcomes(error.attempts) == [("local", outcome)]
    assert words in error.attempts[0].detail
    assert SECRET not in error.attempts[0].detail
    assert len(server.requests) == 1
    assert error.exchanges[0].completion is None


@pytest.mark.parametrize("wire", WIRES)
def test_an_unreachable_server_says_so(wire: Wire) -> None:
    with provider(answering(wire, GOOD)) as server:
        address = server.base_url(wire)
    error = fail(inference({"local": model(wire, address)}))
    assert outcomes(error.attempts) == [("local", "unreachable")]
    assert "cannot connect" in error.attempts[0].detail


@pytest.mark.parametrize("wire", WIRES)
def test_a_slow_server_times_out(wire: Wire) -> None:
    over = threading.Event()

    def hold(*_: object) -> None:
        over.wait(20)

    with provider(hold) as server:
        error = fail(inference({"local": model(wire, server.base_url(wire), timeout_s=0.3)}))
        over.set()
    assert outcomes(error.attempts) == [("local", "timeout")]
    assert len(server.requests) == 1


def test_a_missing_key_names_the_variable_and_the_next_model_is_asked() -> None:
    with provider(answering("openai", GOOD)) as server:
        url = server.base_url("openai")
        subject = inference({"paid": model("openai", url, api_key="OTHER_KEY"), "local": model("openai", url)})
        completion = ask(subject)
    assert outcomes(completion.attempts) == [("paid", "misconfigured"), ("local", "ok")]
    assert "OTHER_KEY" in completion.attempts[0].detail
    assert len(server.requests) == 1


def test_a_model_outside_the_perimeter_sees_nothing_unless_permitted() -> None:
    with provider(answering("openai", GOOD)) as server:
        hosted = model("openai", server.base_url("openai"), perimeter="outside")
        error = fail(inference({"hosted": hosted}))
        assert outcomes(error.attempts) == [("hosted", "not_permitted")]
        assert server.requests == []


def test_a_permitted_model_outside_the_perimeter_sees_a_redacted_prompt() -> None:
    with provider(answering("openai", "garbage for C00042", GOOD)) as server:
        hosted = model("openai", server.base_url("openai"), perimeter="outside")
        completion = ask(
            inference({"hosted": hosted}, allow_hosted=True), "Customer C00042, B-C00042, jo@example.com, +15550100123."
        )
    sent = json.dumps(server.requests)
    for identifier in ("C00042", "jo@example.com", "5550100123"):
        assert identifier not in sent
        assert identifier not in completion.exchanges[0].prompt
    assert len(server.requests) == 2
    assert "maxLength" not in sent  # strict modes of hosted providers refuse it


def test_an_invalid_answer_earns_one_repair_that_says_what_was_wrong() -> None:
    with provider(answering("openai", '{"risk": "huge", "why": "x"}', GOOD)) as server:
        completion = ask(inference({"local": model("openai", server.base_url("openai"))}))
    assert [use.outcome for use in completion.attempts] == ["invalid_output", "ok"]
    assert "risk" in completion.attempts[0].detail
    last = server.requests[1]["messages"][-1]["content"]
    assert "risk" in last
    assert "invalid" in last
    assert completion.attempts[0].prompt_sha256 != completion.attempts[1].prompt_sha256


def test_after_a_failed_repair_the_next_model_is_asked_and_then_it_fails_closed() -> None:
    with provider(answering("openai", "no json here")) as bad, provider(answering("anthropic", GOOD)) as good:
        first = model("openai", bad.base_url("openai"))
        completion = ask(inference({"first": first, "second": model("anthropic", good.base_url("anthropic"))}))
        assert outcomes(completion.attempts) == [
            ("first", "invalid_output"),
            ("first", "invalid_output"),
            ("second", "ok"),
        ]
        assert len(bad.requests) == 2
        error = fail(inference({"first": first}))
    assert outcomes(error.attempts) == [("first", "invalid_output")] * 2
    assert "first: invalid_output (it holds no JSON object)" in str(error)


def test_a_failing_model_is_asked_again_by_the_next_call() -> None:
    def reply(number: int, handler: BaseHTTPRequestHandler) -> None:
        (failing(503, "loading") if number < 3 else answering("openai", GOOD))(number, handler)

    with provider(reply) as server:
        subject = inference({"local": model("openai", server.base_url("openai"))})
        for _ in range(3):
            assert outcomes(fail(subject).attempts) == [("local", "unreachable")]
        assert ask(subject).value.risk == "high"


@pytest.mark.parametrize(
    ("why", "marks"),
    [
        ("he said he said he said he said he will go", ("repetition",)),
        ("low", ("too_short",)),
        ("One short sentence.", ("echo",)),
    ],
)
def test_degenerate_words_are_marked_not_trusted(why: str, marks: tuple[str, ...]) -> None:
    with provider(answering("openai", json.dumps({"risk": "low", "why": why}))) as server:
        assert ask(inference({"local": model("openai", server.base_url("openai"))})).marks == marks


def test_a_hosted_answer_is_priced_from_the_bundled_list() -> None:
    with provider(answering("openai", GOOD)) as server:
        hosted = model("openai", server.base_url("openai"), perimeter="outside", route="openai/gpt-5.4-mini")
        (use,) = ask(inference({"hosted": hosted}, allow_hosted=True)).attempts
    assert use.cost_microusd == 300  # 100 tokens at 0.75 and 50 at 4.50 US dollars a million


def test_an_unknown_task_is_a_configuration_error() -> None:
    message = (
        r"no models are configured for task 'sing' of agent 'retention'; "
        r"name them in \[tasks\.retention\] of the models file"
    )
    with pytest.raises(ConfigurationError, match=message):
        inference({}).complete("sing", agent="retention", system="", user="", schema=Answer, check=lambda _: ())


def test_a_task_is_answered_by_its_own_agents_models() -> None:
    with provider(answering("openai", GOOD)) as one, provider(answering("openai", GOOD)) as other:
        models = {name: model("openai", at.base_url("openai")) for name, at in (("one", one), ("other", other))}
        tasks = {"retention": {"analyse": ["one"]}, "advance": {"analyse": ["other"]}}
        subject = RoutedInference(ModelsConfig.model_validate({"models": models, "tasks": tasks}))
        for agent, answered in (("retention", "one"), ("advance", "other")):
            (use,) = subject.complete(
                "analyse", agent=agent, system="You assess.", user="?", schema=Answer, check=lambda _: ()
            ).attempts
            assert (use.task, use.model) == ("analyse", answered)
        with pytest.raises(ConfigurationError, match="of agent 'fraud'"):
            subject.complete("analyse", agent="fraud", system="", user="", schema=Answer, check=lambda _: ())
    assert (len(one.requests), len(other.requests)) == (1, 1)


def test_the_key_is_sent_where_the_model_names_one() -> None:
    with provider(answering("openai", GOOD)) as server:
        ask(inference({"local": model("openai", server.base_url("openai"), api_key="TEST_KEY")}))
    assert server.headers[0]["Authorization"] == f"Bearer {SECRET}"


def test_a_redirect_is_one_clear_line() -> None:
    request = httpx.Request("POST", "http://models.internal/v1/chat/completions")
    answer = httpx.Response(307, headers={"Location": "http://elsewhere"}, request=request)
    raised = RuntimeError("a library's own words")
    raised.__cause__ = httpx.HTTPStatusError("redirect", request=request, response=answer)
    failure = classify(raised, key_name=None, secrets=())
    assert failure == Failure("refused", "the server redirects (HTTP 307), which is not followed; correct base_url")


def test_words_of_a_server_do_not_decide_what_happened() -> None:
    # Its text once did: "Connection error" and "Traceback" in a message made it another outcome.
    said = "Connection error: received response Traceback (most recent call last) timeout"
    with provider(failing(503, said)) as server:
        error = fail(inference({"local": model("openai", server.base_url("openai"))}))
    assert outcomes(error.attempts) == [("local", "unreachable")]
    assert error.attempts[0].detail.startswith("the server failed: Connection error: received response")


@pytest.mark.parametrize(
    ("wire", "route", "where"),
    [
        ("openai", "openai/gpt-5.4-mini", lambda asked: asked["response_format"]["json_schema"]["schema"]),
        ("anthropic", "anthropic/claude-haiku-4-5", lambda asked: asked["output_format"]["schema"]),
        ("anthropic", "anthropic/another", lambda asked: asked["tools"][0]["input_schema"]),
    ],
)
def test_the_answers_shape_is_asked_for_in_the_providers_own_way(wire: Wire, route: str, where: Any) -> None:
    with provider(answering(wire, GOOD)) as server:
        hosted = model(wire, server.base_url(wire), route=route, perimeter="outside")
        ask(inference({"hosted": hosted}, allow_hosted=True))
    assert where(server.requests[0])["properties"]["risk"]["enum"] == ["low", "high"]


@pytest.mark.parametrize("cached", [True, False])
def test_the_instructions_are_marked_for_the_cache_where_configured(cached: bool) -> None:
    with provider(answering("anthropic", GOOD)) as server:
        subject = inference({"local": model("anthropic", server.base_url("anthropic"), prompt_cache=cached)})
        completion = ask(subject)
    (block,) = server.requests[0]["system"]
    assert block.get("cache_control") == ({"type": "ephemeral"} if cached else None)
    assert "cache_control" not in completion.exchanges[0].prompt  # the record keeps what was asked, not how


def test_the_cache_is_asked_for_only_where_that_means_something() -> None:
    with pytest.raises(ValidationError, match="prompt_cache is for anthropic routes"):
        inference({"local": model("openai", "http://127.0.0.1:9/v1", prompt_cache=True)})


@pytest.mark.parametrize("wire", WIRES)
@pytest.mark.parametrize("tokens", [(10**18, 5), (2**70, 5), (-5, 5)], ids=["huge", "beyond every integer", "negative"])
def test_a_number_of_tokens_that_cannot_be_stops_no_run(wire: Wire, tokens: tuple[int, int]) -> None:
    with provider(answering(wire, GOOD, tokens=tokens)) as server:
        (use,) = ask(inference({"a": model(wire, server.base_url(wire))})).attempts
    assert (use.prompt_tokens, use.completion_tokens) == (0, 5)
    assert canonical_bytes(use.model_dump(mode="json"))
