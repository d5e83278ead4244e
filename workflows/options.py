"""Every timeout and retry of the governed run, with the reason beside the number. Temporal owns all retries."""

from datetime import timedelta

from temporalio.common import RetryPolicy

# A model on two cores answers in seconds; steps wait for their turn at it, beating, and some thirty may be before them.
ANALYSE_TIMEOUT = timedelta(minutes=15)
# Five small HTTP reads; the connector's own timeout is below this.
QUERY_TIMEOUT = timedelta(seconds=60)
# One local attempt holds the workflow task: a system that is slower than this is read by a regular one.
QUERY_LOCALLY = timedelta(seconds=5)
PROPOSE_TIMEOUT = ANALYSE_TIMEOUT
# One read-back, one revalidation and one mutation, each with a client timeout of seconds.
EXECUTE_TIMEOUT = timedelta(seconds=90)

# A local attempt holds the workflow task, so its reads get the short time, and a request under way what it needs.
EXECUTE_LOCALLY = timedelta(seconds=30)

# A step beats every 3 s; a worker that was killed is noticed, and its step given to another, within this.
HEARTBEAT_TIMEOUT = timedelta(seconds=10)

# How long a run keeps trying while a system it reads is down. After that it ends `failed`; a new run may start.
PATIENCE = timedelta(minutes=30)

# Our own database only: milliseconds, unless it is locked.
RECORD_TIMEOUT = timedelta(seconds=20)
GATE_PATIENCE = timedelta(minutes=10)

STEP_RETRY = RetryPolicy(
    initial_interval=timedelta(seconds=1), backoff_coefficient=2.0, maximum_interval=timedelta(seconds=20)
)
# The activity itself decides when an outcome cannot be known; this bound only catches what it did not foresee.
EXECUTE_RETRY = RetryPolicy(
    initial_interval=timedelta(seconds=1),
    backoff_coefficient=2.0,
    maximum_interval=timedelta(seconds=20),
    maximum_attempts=40,
)
RECORD_RETRY = RetryPolicy(
    initial_interval=timedelta(milliseconds=200),
    backoff_coefficient=2.0,
    maximum_interval=timedelta(seconds=10),
)

# Signals reviewed in one local activity: a flood costs one marker per batch, not one per signal.
REVIEW_BATCH = 100
