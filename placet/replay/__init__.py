"""`placet replay`: an auditor's verdict on one run, from its history alone (docs/adr/0015).

(1) The shipped workflow code runs over the history once more: it asks of each step what the history says it was asked,
    and returns the result that the history states;
(2) nothing that only our own processes write is plain text, and all of it is about this one run;
(3) the digest of each version of the proposal is derived again, an amended one also from what it amends;
(4) every accepted decision says what its signed envelope says: one that was signalled, in time, for this very run;
(5) what was executed is such a version, on as many accepted approvals of it as its gate asked for, or on a mandate.
What it does not show is said beside the verdict.
"""

from placet.replay.files import load_history
from placet.replay.verdict import Verdict, judge, replay

__all__ = ["Verdict", "judge", "load_history", "replay"]
