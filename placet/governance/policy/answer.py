"""What a policy set answers. Kept apart from the set, so that who only handles answers does not load Cedar."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class PolicyAnswer:
    """One answer. `policies` are the `@id`s of the policies that determined it; empty when nothing permitted."""

    allowed: bool
    policies: tuple[str, ...]
    detail: str
