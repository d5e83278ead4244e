"""A wrong `agent.toml` is one clear line."""

from pathlib import Path

import pytest

from agents.catalogue import declared_facts, load
from agents.manifest import read_manifest
from agents.retention.customer import RetentionCustomer
from agents.retention.facts_text import profile_text
from placet.contracts.customer import DeclaredFact
from placet.errors import ConfigurationError, UsageError

GOOD = """
name = "retention"
required_reads = []
[gate]
role = "lead"
ttl_hours = 1
[[facts]]
name = "contract"
one_of = ["one_year"]
"""


def test_what_is_read_as_data_is_what_the_application_declares() -> None:
    assert declared_facts("retention") == load("retention").facts
    with pytest.raises(UsageError, match="unknown agent 'advance'"):
        declared_facts("advance")


@pytest.mark.parametrize(
    ("added", "said"),
    [
        ('[[facts]]\nname = "contract"\n', "fact 'contract' is declared twice"),
        ('[[facts]]\nname = "risk"\n', "'risk' is declared of every customer already"),
        ('[[facts]]\nname = "lines"\nkind = "number"\none_of = ["1"]\n', "one_of is for words"),
        ('[[facts]]\nname = "Lines"\n', "is wrong: facts.1.name"),
    ],
)
def test_a_declaration_that_cannot_be_meant_is_one_clear_line(tmp_path: Path, added: str, said: str) -> None:
    path = tmp_path / "agent.toml"
    path.write_text(GOOD)
    assert read_manifest(path).facts[0].one_of == ("one_year",)
    path.write_text(GOOD + added)
    with pytest.raises(ConfigurationError) as caught:
        read_manifest(path)
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_value_that_was_declared_later_reads_as_it_is_spelled() -> None:
    customer = RetentionCustomer(
        tenure_months=3, contract="five_year", internet_service="satellite", payment_method="Mailed check"
    )
    text = profile_text(customer, 1_000)
    assert "has a five year contract, has satellite internet and pays by Mailed check" in text


def test_an_application_that_declares_other_facts_than_it_reads_does_not_start() -> None:
    declared = declared_facts("retention")
    RetentionCustomer.check_declared(declared)
    for wrong in (declared[1:], (*declared, DeclaredFact(name="lines", kind="number"))):
        with pytest.raises(ConfigurationError, match="reads contract, internet_service, payment_method"):
            RetentionCustomer.check_declared(wrong)
