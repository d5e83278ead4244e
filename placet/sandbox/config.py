"""How one sandbox is set up."""

from datetime import date
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, SecretStr

from placet.sandbox.faults.rules import FaultRule


class SandboxConfig(BaseModel):
    """Settings of one sandbox.

    Attributes:
        host: Address to listen on.
        port: TCP port; 0 takes a free one.
        database: SQLite file; None keeps everything in memory.
        as_of: Reference day of the derived series (bills, usage, start dates); None means the present day.
        token: Bearer token every request must carry; None asks for none.
        customers: CSV with the sample's columns; None means the bundled sample.
        busy_timeout_s: How long a request waits, in seconds, while another process writes to the database file.
        faults: Faults in force from the start.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    host: str = "127.0.0.1"
    port: int = Field(default=0, ge=0, le=65535)
    database: Path | None = None
    as_of: date | None = None
    token: SecretStr | None = None
    customers: Path | None = None
    busy_timeout_s: float = Field(default=5.0, ge=0)
    faults: tuple[FaultRule, ...] = ()
