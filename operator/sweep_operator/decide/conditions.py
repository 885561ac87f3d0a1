"""The condition Finished of Sweeps and runs."""

from __future__ import annotations

from sweep_operator.api.meta import Condition, find_condition, with_condition


def with_finished(conditions: list[Condition]) -> list[Condition]:
    """``conditions`` with Finished, which is True once Succeeded is True or False, so that one can wait for any end."""
    succeeded = find_condition(conditions, "Succeeded")
    if succeeded is None:
        return conditions
    ended = succeeded.status != "Unknown"
    reason, message = (succeeded.reason, succeeded.message) if ended else ("NotFinished", "see the condition Succeeded")
    new = succeeded.with_(type="Finished", status="True" if ended else "False", reason=reason, message=message)
    return with_condition(conditions, new)
