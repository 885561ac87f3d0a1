"""Observations as a pandas table. pandas is imported when a table is made: the package does not require it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from protein.optimizer import Observation

if TYPE_CHECKING:
    import pandas

_RESULTS = ("score", "cost", "is_failure", "cost_is_lower_bound")


def dataframe(observations: Sequence[Observation], names: Sequence[str]) -> pandas.DataFrame:
    """One row for each observation. names: the parameters, in the order of their columns.

    Raises ImportError without pandas.
    """
    try:
        import pandas
    except ModuleNotFoundError:
        raise ImportError("to_dataframe needs pandas; run: pip install pandas") from None
    rows = [
        {
            **{f"params.{name}": value for name, value in o.params.items()},
            **{name: getattr(o, name) for name in _RESULTS},
            **{f"metrics.{name}": value for name, value in o.metrics.items()},
        }
        for o in observations
    ]
    columns = [*(f"params.{name}" for name in names), *_RESULTS]
    more = [name for row in rows for name in row if name not in columns]
    return pandas.DataFrame(rows, columns=[*columns, *dict.fromkeys(more)])
