"""The lease on a log: one integrator extends it at a time, whatever machine it runs on."""

from datetime import datetime, timedelta

from sqlalchemy import bindparam, or_, update

from placet.storage.sql.driver import Connection
from placet.storage.sql.inserts import insert_if_absent
from placet.storage.tables import LOG_LEASE

_LONGEST = timedelta(minutes=10)
"""By how much another holder's clock and lease may exceed ours."""

_MINE = (LOG_LEASE.c.tenant == bindparam("of_tenant"), LOG_LEASE.c.holder == bindparam("claimant"))
_TAKE = (
    update(LOG_LEASE)
    .where(
        LOG_LEASE.c.tenant == bindparam("of_tenant"),
        or_(
            LOG_LEASE.c.lease_until <= bindparam("now"),
            LOG_LEASE.c.lease_until > bindparam("longest"),
            LOG_LEASE.c.holder == bindparam("claimant"),
        ),
    )
    .values(holder=bindparam("claimant"), lease_until=bindparam("until"))
)
_RENEW = update(LOG_LEASE).where(*_MINE).values(lease_until=bindparam("until"))


class LogLeases:
    """Who extends which log. The lease spares wasted work; what keeps a log from forking are its unique keys."""

    __slots__ = ("_connection",)

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def take(self, tenant: str, holder: str, *, now: datetime, until: datetime) -> bool:
        """Take the lease unless another holder's has not run out; return whether `holder` has it.

        One that runs longer than any integrator would ask for was written by somebody else, and binds nobody.
        """
        row: dict[str, object] = {"tenant": tenant, "holder": holder, "lease_until": until}
        if insert_if_absent(self._connection, LOG_LEASE, row):
            return True
        values = {"of_tenant": tenant, "claimant": holder, "now": now, "until": until, "longest": until + _LONGEST}
        return self._connection.execute(_TAKE, values).rowcount == 1

    def renew(self, tenant: str, holder: str, *, until: datetime) -> bool:
        """Go on holding the lease; False when another took it meanwhile.

        The row stays locked until the transaction ends, so that nobody takes the lease while it is being used.
        """
        values = {"of_tenant": tenant, "claimant": holder, "until": until}
        return self._connection.execute(_RENEW, values).rowcount == 1
