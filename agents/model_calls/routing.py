"""Which models answer which application's tasks: configuration, read from TOML and checked before anything is asked."""

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, StringConstraints, ValidationError, model_validator

from placet.contracts.base import AgentName, Frozen
from placet.errors import ConfigurationError
from placet.toml_files import load_toml

DEFAULT_MODELS = Path(__file__).parent.parent / "models.toml"

ModelName = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_-]{0,40}$")]
TaskName = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,40}$")]


class ModelConfig(Frozen):
    """One model and how to reach it.

    Attributes:
        route: Provider and model as LiteLLM writes them, e.g. `openai/gpt-5.4-mini`; `openai/…` with a `base_url`
            is any OpenAI-compatible server.
        api_key: NAME of the environment variable that holds the key; None for a server that asks for none.
        perimeter: `inside` the operator's network, or `outside`.
        structured: `json_schema` lets the server constrain the answer; `prompt` shows an example in the prompt, for
            servers that constrain nothing (llama.cpp's `/v1/messages`).
        prompt_cache: Mark the instructions, which are the same for every customer, for the provider to keep. Anthropic
            asks for the mark, and keeps nothing below some thousand tokens; others cache by themselves.
        timeout_s: Limit of one request in seconds; must stay below the activity's.
        max_tokens: Limit of one answer in tokens.
        at_once: How many requests one worker has at it at a time; the others wait for their turn, which is not the
            model's silence: `timeout_s` begins with the turn. None: as many as there are.
    """

    route: Annotated[str, StringConstraints(pattern=r"^(openai|anthropic|gemini)/[\w.:/-]+$")]
    base_url: Annotated[str, StringConstraints(pattern=r"^https?://[^\s]+$")] | None = None
    api_key: Annotated[str, StringConstraints(pattern=r"^[A-Z][A-Z0-9_]*$")] | None = None
    perimeter: Literal["inside", "outside"]
    structured: Literal["json_schema", "prompt"] = "json_schema"
    prompt_cache: bool = False
    timeout_s: Annotated[float, Field(gt=0, le=600)]
    max_tokens: Annotated[int, Field(ge=1, le=32_000)]
    at_once: Annotated[int, Field(ge=1, le=1_000)] | None = None

    @model_validator(mode="after")
    def _possible(self) -> "ModelConfig":
        # Without an address LiteLLM would send the record to the provider's public one.
        if self.perimeter == "inside" and self.base_url is None:
            raise ValueError("a model inside the perimeter needs a base_url")
        if self.prompt_cache and not self.route.startswith("anthropic/"):
            raise ValueError("prompt_cache is for anthropic routes; other providers cache by themselves")
        return self


class ModelsConfig(Frozen):
    """All models by name, and for each task of each application the order in which they are tried."""

    models: dict[ModelName, ModelConfig]
    tasks: dict[AgentName, dict[TaskName, tuple[ModelName, ...]]]

    @model_validator(mode="before")
    @classmethod
    def _tasks_belong_to_applications(cls, said: Any) -> Any:
        tables = said.get("tasks") if isinstance(said, dict) else None
        for task, names in tables.items() if isinstance(tables, dict) else ():
            if not isinstance(names, dict):
                raise ValueError(  # noqa: TRY004  Pydantic turns no TypeError into an error of the file
                    f"[tasks] gives {task!r} to no application; write it in a table of the application that asks it, "
                    "for example [tasks.retention]"
                )
        return said

    @model_validator(mode="after")
    def _tasks_name_known_models(self) -> "ModelsConfig":
        for agent, tasks in self.tasks.items():
            for task, names in tasks.items():
                for name in names:
                    if name not in self.models:
                        raise ValueError(
                            f"task {task!r} of agent {agent!r} names model {name!r}, which is not configured"
                        )
        return self

    def order(self, agent: str, task: str) -> tuple[str, ...]:
        """Return the models that answer an application's task, the first to be asked first.

        Raises:
            ConfigurationError: No table names the task.
        """
        names = self.tasks.get(agent, {}).get(task)
        if names is None:
            raise ConfigurationError(
                f"no models are configured for task {task!r} of agent {agent!r}; "
                f"name them in [tasks.{agent}] of the models file"
            )
        return names

    @property
    def asked(self) -> frozenset[str]:
        """Names of the models that some task would ask."""
        return frozenset(name for tasks in self.tasks.values() for names in tasks.values() for name in names)

    def check_tasks(self, declared: Mapping[str, Collection[str]]) -> None:
        """Check that every table is of an application that there is, and every line of it of a task that this one asks.

        Args:
            declared: For each application the tasks that its manifest declares.

        Raises:
            ConfigurationError: One is not: what is misspelt would leave a task without models.
        """
        for agent, tasks in self.tasks.items():
            if agent not in declared:
                raise ConfigurationError(
                    f"the models file has a table [tasks.{agent}], but there is no agent {agent!r}; "
                    f"known: {', '.join(sorted(declared))}. Correct its name, or remove it"
                )
            for task in tasks:
                if task not in declared[agent]:
                    raise ConfigurationError(
                        f"the models file names models for task {task!r} of agent {agent!r}, which asks no such task; "
                        f"it asks: {', '.join(declared[agent]) or 'none'}. Correct its name, or remove it"
                    )

    def unanswered(self, declared: Mapping[str, Collection[str]]) -> tuple[tuple[str, str], ...]:
        """Return each (application, task) of the declared ones that no model answers."""
        return tuple(
            (agent, task)
            for agent, tasks in declared.items()
            for task in tasks
            if not self.tasks.get(agent, {}).get(task)
        )

    @classmethod
    def load(cls, path: Path = DEFAULT_MODELS) -> "ModelsConfig":
        """Read the configuration.

        Raises:
            ConfigurationError: The file is missing, is not TOML, or says something impossible.
        """
        return load_toml(path, cls, "the models file")

    def with_addresses(self, base_urls: Mapping[str, str]) -> "ModelsConfig":
        """Return the same models, those named in `base_urls` at another address.

        Names that are not configured are passed over.

        Raises:
            ConfigurationError: An address is no http or https URL.
        """
        models = dict(self.models)
        for name, url in base_urls.items():
            if name in models:
                try:
                    models[name] = ModelConfig.model_validate({**models[name].model_dump(), "base_url": url})
                except ValidationError as error:
                    raise ConfigurationError(f"the address {url!r} of model {name!r} is no http(s) URL") from error
        return ModelsConfig(models=models, tasks=self.tasks)
