"""The failure classes of a run: one row for each, from which every list, count and text about them is derived.

Functions take the table as an argument, so that a test can pass a longer one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic.alias_generators import to_camel

from protein.analysis.failures import LEARNED, Learned
from sweep_operator.api.model import OPEN

PRUNED = "pruned"
LEARNED_WORDS: Mapping[Learned | None, str] = {
    "infeasible": "learned as infeasible",
    "cost lower bound": "its cost is learned as a lower bound",
    "last report": "its last report is learned as its score, and its cost as a lower bound",
    None: "not learned",
}


@dataclass(frozen=True, kw_only=True)
class FailureClass:
    """What a failure of one class means for the run, the sweep and the optimizer."""

    name: str
    cause: str
    """For the documentation: what leads to this class."""
    budget: str | None
    """Attribute of ``perRun.retries`` that limits the retries. None: not retried."""
    counter: Literal["failures", "preemptions"] | None
    """Counter of the stage's status. A failure delays the next attempt by the backoff, a preemption does not."""
    learned: Learned | None
    keeps_work: bool
    """A later attempt continues from its checkpoints, so its seconds count in the run's cost."""
    counts_as_failed: Literal["always", "before the first success", "never"]
    """For ``limits.maxConsecutiveFailures``. ``limits.maxFailedRuns`` counts every class but those with "never"."""
    in_failure_rules: bool
    """A rule of ``perRun.failureRules`` may assign it."""
    deliberate: bool = False
    """A person or a rule of the sweep ended the run: it is not listed among the failures."""

    @property
    def consequence(self) -> str:
        """Retries and learning, in words."""
        retried = "not retried" if self.budget is None else f"retried up to {to_camel(self.budget)} times"
        return f"{retried}; {LEARNED_WORDS[self.learned]}"


_ROWS = (
    FailureClass(
        name="parameters",
        cause="exit code 65, out of memory in training, a score that is not finite, or a failure rule of yours",
        budget=None,
        counter=None,
        learned=LEARNED.get("parameters"),
        keeps_work=False,
        counts_as_failed="before the first success",
        in_failure_rules=True,
    ),
    FailureClass(
        name="crash",
        cause="another exit code of train, or no result although train reports the score",
        budget="on_failure",
        counter="failures",
        learned=LEARNED.get("crash"),
        keeps_work=False,
        counts_as_failed="always",
        in_failure_rules=True,
    ),
    FailureClass(
        name="eval",
        cause="the evaluation failed with another exit code or gave no result; the training is not repeated",
        budget="on_eval_failure",
        counter="failures",
        learned=LEARNED.get("eval"),
        keeps_work=False,
        counts_as_failed="always",
        in_failure_rules=True,
    ),
    FailureClass(
        name="preempted",
        cause="evicted, preempted, node lost or restarted, pod deleted",
        budget="on_preemption",
        counter="preemptions",
        learned=LEARNED.get("preempted"),
        keeps_work=True,
        counts_as_failed="always",
        in_failure_rules=True,
    ),
    FailureClass(
        name="infrastructure",
        cause="the main container never started (image, Secret, no resources), or a log with a result is unreadable",
        budget=None,
        counter=None,
        learned=LEARNED.get("infrastructure"),
        keeps_work=False,
        counts_as_failed="always",
        in_failure_rules=True,
    ),
    FailureClass(
        name="timeout",
        cause="a deadline passed",
        budget=None,
        counter=None,
        learned=LEARNED.get("timeout"),
        keeps_work=False,
        counts_as_failed="always",
        in_failure_rules=True,
    ),
    FailureClass(
        name="silent",
        cause="no output for `perRun.silenceSeconds`: the program hangs",
        budget="on_failure",
        counter="failures",
        learned=LEARNED.get("silent"),
        keeps_work=False,
        counts_as_failed="always",
        in_failure_rules=True,
    ),
    FailureClass(
        name="stopped",
        cause="you or the end of the sweep stopped it",
        budget=None,
        counter=None,
        learned=LEARNED.get("stopped"),
        keeps_work=True,
        counts_as_failed="never",
        in_failure_rules=False,
        deliberate=True,
    ),
    FailureClass(
        name=PRUNED,
        cause="early stopping ended the training (`earlyStopping`)",
        budget=None,
        counter=None,
        learned=LEARNED.get(PRUNED),
        keeps_work=False,
        counts_as_failed="never",
        in_failure_rules=False,
        deliberate=True,
    ),
)


class _Table(dict[str, FailureClass]):
    def __missing__(self, name: str) -> FailureClass:
        """A class of a newer version: its runs have ended, and this version concludes nothing from them."""
        return FailureClass(
            name=name, cause="", budget=None, counter=None, learned=None,
            keeps_work=False, counts_as_failed="never", in_failure_rules=False,
        )  # fmt: skip


FailureTable = Mapping[str, FailureClass]
FAILURES: FailureTable = _Table({row.name: row for row in _ROWS})


def rule_names(table: FailureTable = FAILURES) -> tuple[str, ...]:
    """Names of the classes that a failure rule may assign."""
    return tuple(name for name, row in table.items() if row.in_failure_rules)


def class_type(allowed: tuple[str, ...]) -> Any:
    """A Literal of these names, for a field of a model."""
    return Literal[allowed]


def rule_text(table: FailureTable = FAILURES) -> str:
    """The classes that a failure rule may assign and what follows from each, for a field description."""
    return " ".join(f"{name}: {table[name].consequence}." for name in rule_names(table))


def learned_text(table: FailureTable = FAILURES) -> str:
    """What the optimizer learns from each class, for a field description."""
    groups: dict[str, list[str]] = {words: [] for words in LEARNED_WORDS.values()}
    for row in table.values():
        groups[LEARNED_WORDS[row.learned]].append(row.name)
    return " ".join(f"{', '.join(classes)}: {words}." for words, classes in groups.items())


def docs_rows(table: FailureTable = FAILURES) -> list[str]:
    """Rows of the documentation's table of failure classes."""
    return [f"| `{row.name}` | {row.cause} | {row.consequence} |" for row in table.values()]


if TYPE_CHECKING:
    FailureName = str
    RuleClassName = str
    AttemptEnd = str
else:  # mypy cannot read a Literal that is computed
    FailureName = Annotated[class_type(tuple(FAILURES)), OPEN]
    RuleClassName = class_type(rule_names())
    AttemptEnd = Annotated[class_type((*FAILURES, "succeeded")), OPEN]
