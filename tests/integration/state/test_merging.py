"""Merges of customers: signed, on the record, in force by these alone, and undone without a trace in the state."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from itertools import permutations
from pathlib import Path
from typing import Any

import pytest

from placet.contracts.audit import tenant_stream
from placet.contracts.people.merge import Merge, MergeRecord
from placet.contracts.state import CustomerState, OnePerson, StateRead
from placet.entrypoints.environment import CHECKOUT
from placet.errors import DecisionRefused, UsageError
from placet.governance.policy.set import PolicySet
from placet.governance.signing.canonical import canonical_bytes, digest
from placet.governance.signing.keys import Signer, public_bytes
from placet.governance.signing.signed import sign_document
from placet.interfaces.record_words import in_words
from placet.service.cohorts import base_rows, cohort_given, preview
from placet.service.documents.keys import enroll_key, revoke_key
from placet.service.documents.merges import find_merge, list_merges, sign_merge, sign_split, take_merge, take_split
from placet.service.policy_files import read_policy_files
from placet.service.state.current import fold_waiting, newest_events, state_of
from placet.service.state.households import household_of
from placet.service.state.profile import known_of
from placet.storage.database import Database
from tests.integration.record.retaining import findings
from tests.integration.state.sending import NOW, recharge, take
from tests.integration.state.test_identifying import NUMBER, link, whose
from tests.support.databases import outsider, together
from tests.support.enrolment import new_signer, trusted

POLICIES = {"retention": PolicySet(read_policy_files(CHECKOUT / "agents" / "retention" / "policy.cedar"))}


class People:
    """Who signs."""

    def __init__(self, database: Database, folder: Path) -> None:
        self.database = database
        self.root = trusted(database, folder)
        self.hana = self.enrolled("hana", "retention_head")
        self.anna = self.enrolled("anna", "retention_lead")

    def enrolled(self, name: str, role: str) -> Signer:
        who = new_signer(name)
        enroll_key(
            self.database,
            name=name,
            tenant="demo",
            roles=(role,),
            limit="100.00 USD",
            public_key=public_bytes(who.key.private.public_key()),
            by=self.root,
            expires_at=None,
        )
        return who

    def merge(self, kept: str, other: str, *, by: Signer | None = None, drafted: str = "olga") -> MergeRecord:
        envelope = self.signed(kept, other, by=by, drafted=drafted)
        return take_merge(self.database, envelope, tenant="demo", policies=POLICIES)

    def signed(
        self, kept: str, other: str, *, by: Signer | None = None, drafted: str = "olga", why: str = "same"
    ) -> str:
        who = by or self.hana
        return sign_merge(
            tenant="demo",
            name=who.name,
            customer_id=kept,
            merged_id=other,
            drafted_by=drafted,
            reason=why,
            key=who.key,
        )

    def split(self, record: MergeRecord, *, by: Signer | None = None, drafted: str = "olga") -> MergeRecord:
        who = by or self.hana
        envelope = sign_split(record, name=who.name, drafted_by=drafted, reason="two people", key=who.key)
        return take_split(self.database, envelope, tenant="demo", policies=POLICIES)


@pytest.fixture
def people(database: Database, tmp_path: Path) -> People:
    return People(database, tmp_path)


def of(customer: str, *hours: int, **changes: Any) -> list[bytes]:
    return [recharge(hour, id=f"{customer}-{hour}", subject=f"customer:{customer}", **changes) for hour in hours]


def state(database: Database, customer: str, at: datetime = NOW) -> CustomerState:
    return state_of(database, "demo", customer, at)


def kinds(database: Database) -> list[str]:
    with database.reading() as tx:
        return [one.kind for one in tx.audit.read(tenant_stream("demo")) if one.kind.startswith("customer.")]


def test_merged_ids_have_one_state_and_after_the_split_each_has_its_own_again(
    database: Database, people: People
) -> None:
    take(database, *of("C1", 1, 2, 30), *of("C2", 3, 26), *of("C3", 9))
    before = {one: state(database, one) for one in ("C1", "C2", "C3")}
    merged = people.merge("C1", "C2")
    both = state(database, "C1")
    assert both.window(7).figure("recharges") == 5
    assert both.version == before["C1"].version + before["C2"].version
    assert state(database, "C2") == both.model_copy(update={"customer_id": "C2"})
    assert state(database, "C3") == before["C3"]
    assert len(newest_events(database, "demo", "C2", 10)) == 5
    people.split(merged)
    assert {one: state(database, one) for one in before} == before
    assert kinds(database) == ["customer.merged", "customer.split"]


def test_a_state_says_of_which_ids_it_is_and_one_of_a_single_id_says_nothing(
    database: Database, people: People
) -> None:
    take(database, *of("C1", 1), *of("C2", 3), *of("C3", 9))
    alone = state(database, "C3")
    people.merge("C2", "C1")
    newest = people.merge("C2", "C9")  # of which no event is known
    for customer in ("C1", "C2", "C9"):
        merged = state(database, customer)
        assert merged.one_person == OnePerson(ids=("C2", "C1", "C9"), since=newest.taken_at)
        short = StateRead.of(merged, digest(merged))
        assert StateRead.model_validate_json(short.model_dump_json()).one_person == merged.one_person
    assert canonical_bytes(state(database, "C3")) == canonical_bytes(alone)
    assert b"one_person" not in canonical_bytes(alone)
    assert "one_person" not in StateRead.of(alone, digest(alone)).model_dump(mode="json")


@pytest.mark.parametrize("order", list(permutations(range(4))))
def test_the_order_of_events_merges_and_folding_does_not_matter(
    database: Database, people: People, order: tuple[int, ...]
) -> None:
    acts: list[Callable[[], object]] = [
        lambda: take(database, *of("C1", 1, 30)),
        lambda: take(database, *of("C2", 2, 3)),
        lambda: people.merge("C1", "C2"),
        lambda: fold_waiting(database, "demo"),
    ]
    for place in order:
        acts[place]()
    merged = state(database, "C1")
    assert (merged.window(7).figure("recharges"), merged.version) == (4, 4)
    assert state(database, "C1", NOW - timedelta(hours=20)).version == 1
    people.split(list_merges(database, "demo")[0])
    assert [state(database, one).version for one in ("C1", "C2")] == [2, 2]


def test_who_may_not_merges_nobody_and_the_attempt_is_on_the_record(database: Database, people: People) -> None:
    with pytest.raises(DecisionRefused, match="'anna' may not merge customers"):
        people.merge("C1", "C2", by=people.anna)
    with pytest.raises(DecisionRefused, match="four-eyes-on-merges"):
        people.merge("C1", "C2", drafted="hana")
    with pytest.raises(DecisionRefused, match="no policy set is in force"):
        take_merge(database, people.signed("C1", "C2"), tenant="demo", policies={})
    with pytest.raises(DecisionRefused, match="it needs a reason"):
        take_merge(database, people.signed("C1", "C2", why=" "), tenant="demo", policies=POLICIES)
    with pytest.raises(DecisionRefused):
        take_merge(database, people.signed("C1", "C2"), tenant="other", policies=POLICIES)
    assert kinds(database) == ["customer.merge_refused"] * 4
    merged = people.merge("C1", "C2")
    with pytest.raises(DecisionRefused, match="'anna' may not split customers"):
        people.split(merged, by=people.anna)
    with pytest.raises(DecisionRefused, match="four-eyes-on-merges"):
        people.split(merged, drafted="hana")
    assert find_merge(database, "demo", merged.merge.document_id[:8]).split is None


def test_there_are_no_chains_no_circles_and_no_person_of_many_ids(database: Database, people: People) -> None:
    people.merge("C1", "C2")
    for kept, other in (("C2", "C3"), ("C3", "C2"), ("C2", "C1"), ("C3", "C1"), ("C1", "C2")):
        with pytest.raises(DecisionRefused, match="'C2' is merged into 'C1' already"):
            people.merge(kept, other)
    with pytest.raises(UsageError, match="is one id; a merge names two"):
        people.merge("C1", "C1")
    for number in range(7):
        people.merge("C1", f"D{number}")
    with pytest.raises(DecisionRefused, match="8 ids are merged into 'C1' already, and no more than 8 may be"):
        people.merge("C1", "D9")


def test_of_two_merges_at_once_that_would_make_a_chain_one_stands(database: Database, people: People) -> None:
    pairs = [("C1", "C2"), ("C2", "C3")] * 2

    def work(number: int) -> bool:
        try:
            people.merge(*pairs[number])
        except DecisionRefused:
            return False
        return True

    assert sum(together(4, work)) == 1


def test_a_document_counts_once_and_a_split_merge_may_be_signed_anew(database: Database, people: People) -> None:
    envelope = people.signed("C1", "C2")
    first = take_merge(database, envelope, tenant="demo", policies=POLICIES)
    assert take_merge(database, envelope, tenant="demo", policies=POLICIES) == first
    people.split(first)
    with pytest.raises(DecisionRefused, match="it was split by hana"):
        people.split(first)
    again = take_merge(database, envelope, tenant="demo", policies=POLICIES)
    assert again.split is not None, "the old document does not bring it back"
    with database.reading() as tx:
        assert tx.merges.standing("demo") == ()
    people.merge("C2", "C1")
    assert [one.split is None for one in list_merges(database, "demo")] == [False, True]


def test_a_row_alone_merges_and_splits_nobody(database: Database, people: People, database_url: str) -> None:
    take(database, *of("C1", 1), *of("C2", 2))
    merged = people.merge("C1", "C2")
    forged = Merge(
        tenant="demo",
        signer="hana",
        signed_at=datetime.now(UTC),
        document_id="0" * 32,
        reason="forged",
        customer_id="C1",
        merged_id="C3",
        drafted_by="olga",
    )
    text, row = forged.model_dump_json(), f"'{merged.document}', '{merged.key_id}'"
    with outsider(database_url) as run:
        run(
            "INSERT INTO customer_merge (tenant, merge_id, customer_id, merged_id, merge, document, key_id) "  # noqa: S608
            f"VALUES ('demo', '{'0' * 32}', 'C1', 'C3', '{text}', {row})"
        )
        run(f"UPDATE customer_merge SET split_by = 'eve', split = '{merged.document}'")  # noqa: S608
    assert [one.merge.merged_id for one in list_merges(database, "demo")] == ["C2"]
    assert state(database, "C1").version == 2
    said = findings(database)
    assert any("customer_merge" in one and "split_by" in one for one in said), said
    assert any("customer_merge" in one and "no 'customer.merged' of it is on the record" in one for one in said), said
    with outsider(database_url) as run:
        run(f"UPDATE customer_merge SET merged_id = 'C3', merge = '{text}'")  # noqa: S608
    assert list_merges(database, "demo") == ()
    assert state(database, "C1").version == 1


@pytest.mark.parametrize("column", ["customer_id", "merged_id"])
def test_a_merge_is_found_by_no_id_that_nobody_signed(
    database: Database, people: People, database_url: str, column: str
) -> None:
    take(database, *of("C1", 1), *of("C2", 2), *of("C3", 3))
    people.merge("C1", "C2")
    with outsider(database_url) as run:
        run(f"UPDATE customer_merge SET {column} = 'C3'")  # noqa: S608
    assert state(database, "C3").version == 1
    assert list_merges(database, "demo") == ()


def test_a_merge_outlives_the_key_that_signed_it(database: Database, people: People) -> None:
    take(database, *of("C1", 1), *of("C2", 2))
    people.merge("C1", "C2")
    revoke_key(database, tenant="demo", key_id=people.hana.key.key_id, by=people.root, reason="left")
    assert state(database, "C1").version == 2


def test_another_tenants_merges_do_not_count(database: Database, people: People) -> None:
    people.merge("C1", "C2")
    with database.reading() as tx:
        assert tx.merges.naming("other", ["C1", "C2"]) == ()
        assert tx.merges.standing("other") == ()
    with pytest.raises(UsageError, match="0 merges of tenant 'other'"):
        find_merge(database, "other", "")


def test_the_base_and_a_household_have_a_person_once(database: Database, people: People) -> None:
    for customer in ("C1", "C2", "C3"):
        take(database, *of(customer, 30, type="placet.household.changed.v1", data={"household_id": "H1"}))
        take(database, *of(customer, 1))
    take(database, *of("C5", 2), *of("C6", 3))
    people.merge("C1", "C2")
    people.merge("C9", "C6")  # no event names C9
    people.merge("C9", "C5")
    fold_waiting(database, "demo")
    rows = [row for page in base_rows(database, "demo", NOW) for row in page]
    assert len(rows) == 3
    assert preview(database, "demo", cohort_given("recharges_30d >= 2", None), NOW).members == 2
    household = household_of(database, "demo", "H1", NOW)
    assert [one.customer_id for one in household.members] == ["C1", "C3"]
    assert household.window(7).figure("recharges") == 3


def test_the_profile_has_keys_and_merges_of_all_ids(database: Database, people: People) -> None:
    take(database, link("C1"), link("C2", "device:D2"))
    people.merge("C1", "C2")
    for customer in ("C1", "C2"):
        known = known_of(database, "demo", customer, NOW)
        assert {one.key for one in known.keys} == {NUMBER, "device:D2"}
        assert [one.merge.merged_id for one in known.merges] == ["C2"]


def test_a_key_that_two_merged_ids_have_is_still_of_two_ids(database: Database, people: People) -> None:
    take(database, link("C1"), link("C2"))
    people.merge("C1", "C2")
    # What is taken must come apart again as if there had been no merge.
    assert whose(database) is None


def test_the_record_says_it_in_words_and_agrees_with_the_table(database: Database, people: People) -> None:
    people.split(people.merge("C1", "C2"))
    with database.reading() as tx:
        said = [in_words(one) for one in tx.audit.read(tenant_stream("demo")) if one.kind.startswith("customer.")]
    assert said == [
        "MERGED customer C2 into C1: they are one person; hana wrote: “same”",
        "SPLIT customer C2 from C1: they are two people; hana wrote: “two people”",
    ]
    assert findings(database) == []


def test_a_signature_that_waited_for_an_hour_does_not_count(database: Database, people: People) -> None:
    old = Merge(
        tenant="demo",
        signer="hana",
        signed_at=datetime.now(UTC) - timedelta(hours=2),
        document_id="1" * 32,
        reason="same",
        customer_id="C1",
        merged_id="C2",
        drafted_by="olga",
    )
    envelope = sign_document(old, people.hana.key.private, people.hana.key.key_id)
    with pytest.raises(DecisionRefused, match="look again and sign again"):
        take_merge(database, envelope, tenant="demo", policies=POLICIES)
