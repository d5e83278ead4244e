"""What is left of strategies' budgets for proposals that wait, said before anybody signs.

What people approve is taken of the budget when its turn to be sent comes, and what finds no room then is denied. Others
may take of it meanwhile, so nothing is promised here.
"""

from collections.abc import Iterable, Iterator

from placet.contracts.base import Frozen
from placet.contracts.money import Money
from placet.contracts.proposal import Proposal
from placet.contracts.strategies.strategy import StrategyName
from placet.contracts.text import counted
from placet.errors import DecisionRefused
from placet.governance.authority.mandates import charge, left
from placet.storage.database import Database
from placet.storage.governance.mandates import AlteredMandate
from placet.storage.transaction import Transaction


class BudgetRoom(Frozen):
    """What proposals of one strategy take together, and what its budget has now.

    Attributes:
        takes: What they take of it together.
        left: What it has.
    """

    strategy: StrategyName
    proposals: int
    takes: Money
    left: Money

    @property
    def enough(self) -> bool:
        """Whether all of them have room now."""
        return self.takes.amount_minor <= self.left.amount_minor

    def __str__(self) -> str:
        """Say it in one sentence."""
        budget = f"the budget of strategy {self.strategy} has {self.left} left"
        many = "this takes" if self.proposals == 1 else f"these {counted(self.proposals, 'proposal')} take"
        if self.enough:
            return f"{budget}, and {many} {self.takes}"
        what = "it would be denied" if self.proposals == 1 else "those that find no room are denied"
        return f"{budget}, and {many} {self.takes}: approved now, {what}"


def rooms_for(database: Database, tenant: str, proposals: Iterable[Proposal]) -> tuple[BudgetRoom, ...]:
    """Return what each strategy among some proposals has left for those of it, by the names of the strategies.

    Of a strategy whose publication cannot be read nothing is said: its run says why.
    """
    of_version = dict[str, list[Proposal]]()
    for proposal in proposals:
        if proposal.strategy is not None:
            of_version.setdefault(proposal.strategy.version, []).append(proposal)
    with database.reading() as tx:
        rooms = [room for version, some in of_version.items() for room in _room(tx, tenant, version, some)]
    return tuple(sorted(rooms, key=lambda one: one.strategy))


def _room(tx: Transaction, tenant: str, version: str, proposals: list[Proposal]) -> Iterator[BudgetRoom]:
    found = [one for one in tx.mandates.publishing(tenant, version) if not isinstance(one, AlteredMandate)]
    standing = next((one for one in found if one.revoked_at is None), None)
    if standing is None:
        return
    room = left(standing)
    try:
        takes = sum(max(charge(one).amount_minor, 0) for one in proposals)
    except DecisionRefused:  # a credit in another currency than its cost: its run says so
        return
    if takes:
        total = Money(amount_minor=takes, currency=room.currency)
        yield BudgetRoom(strategy=standing.mandate.name, proposals=len(proposals), takes=total, left=room)
