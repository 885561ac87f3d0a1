"""Reports in lines of a log: those of sweep_report.py, and the documented patterns in recorded output of libraries."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sweep_operator.api.errors import parse
from sweep_operator.api.progress import MAX_POINTS
from sweep_operator.api.sweep import Sweep
from sweep_operator.api.template import with_numbers
from sweep_operator.config.yaml_files import parse_documents
from sweep_operator.decide.accept import check_spec
from sweep_operator.domain.curve import Point, fold
from sweep_operator.sandbox.child import Sandbox
from sweep_operator.sandbox.reports import FoundReports, Reader, ReadReports, ReportState
from tests.builders import sweep_body

RECORDED = Path(__file__).parent / "recorded"
"""Written by the versions that docs/progress.md names, on 29 November 2026, into a file: no terminal."""
PAGE = Path(__file__).resolve().parents[2] / "docs/progress.md"
LIBRARIES: dict[str, list[tuple[float, float]]] = {
    "stable-baselines3": [(256, 22.3), (512, 27.0), (768, 29.5), (1024, 30.8)],
    "Lightning": [(0, 0.540), (1, 0.470), (2, 0.411)],
    "Keras": [(1, 1.1067), (2, 0.9513), (3, 0.8194)],
    "transformers": [(1, 2.012), (2, 2.011), (3, 2.011)],
    "tqdm": [(0, 0.2), (5, 0.2)],
}
"""Step and value of the documented pattern in the recording."""


def task_of(text: str, pattern: str | None = None, **changes: Any) -> ReadReports:
    values: dict[str, Any] = {
        "text": text, "stamped": False, "time": 100.0, "pattern": None if pattern is None else with_numbers(pattern),
        "metric": "reward", "needed": "reward", "started": 90.0, "earlier": 5.0, "attempt": 1,
    }  # fmt: skip
    return ReadReports(**{**values, **changes})


def read(text: str, pattern: str | None = None, **changes: Any) -> FoundReports:
    return Reader(task_of(text, pattern, **changes)).read()


async def test_the_sandbox_process_finds_them_too() -> None:
    sandbox = Sandbox()
    try:
        for pattern in (None, "step={step} r={value}"):
            text = 'SWEEP_REPORT {"step": 1, "reward": NaN}\nstep=2 r=0.5\n'
            task = task_of(text, pattern)
            assert (await sandbox.evaluate("ns", task, 5.0)).reports == Reader(task).read()
    finally:
        await sandbox.close()


def values(found: FoundReports) -> list[tuple[float, float | None]]:
    return [(point.step, point.value) for point in found.points]


@pytest.mark.parametrize("library", LIBRARIES)
def test_the_documented_pattern_finds_the_recorded_curve(library: str) -> None:
    section = PAGE.read_text().split(f"### {library}\n")[1]
    (document,) = parse_documents(section.split("```yaml\n")[1].split("```")[0], library)
    reports = document["spec"]["train"]["reports"]
    assert not check_spec(parse(Sweep, sweep_body(train={"command": ["train"], "reports": reports})).spec)
    text = (RECORDED / f"{library.lower()}.log").read_bytes().decode()
    assert values(read(text, reports["pattern"])) == LIBRARIES[library]


@pytest.mark.parametrize(
    "line",
    [
        'SWEEP_REPORT {"step": 1200, "reward": 0.31}', 'SWEEP_REPORT {"step": 1200, "metrics": {"reward": 0.31}}',
        'INFO train: SWEEP_REPORT {"step": 1.2e3, "reward": 0.31, "loss": 2}',
    ],
)  # fmt: skip
def test_a_report_is_found_anywhere_in_a_line(line: str) -> None:
    found = read(f"hello\n{line}\nbye\n")
    assert found.points == [Point(1200, 0.31, 15.0)], "10 seconds of this attempt, 5 of earlier ones"
    assert found.problem is None
    assert values(read(line, "never={step}{value}")) == [(1200, 0.31)], "a pattern does not replace it"


@pytest.mark.parametrize(
    ("text", "reason", "says"),
    [
        ("SWEEP_REPORT", "InvalidReport", "JSON object"), ("SWEEP_REPORT [1]", "InvalidReport", "'[1]'"),
        ('SWEEP_REPORT {"reward": 1}', "InvalidReport", 'number "step"'),
        ('SWEEP_REPORT {"step": true, "reward": 1}', "InvalidReport", 'number "step"'),
        ('SWEEP_REPORT {"step": -1, "reward": 1}', "InvalidReport", "-1 is not a finite number of at least 0"),
        ('SWEEP_REPORT {"step": NaN, "reward": 1}', "InvalidReport", "nan"),
        ("SWEEP_REPORT " + "[" * 5000, "InvalidReport", "JSON object"),
        ('SWEEP_REPORT {"step": 1, "loss": 1}', "MetricMissing", "'reward'; they contain ['loss']"),
        ('SWEEP_REPORT {"step": 2, "reward": 1}\nSWEEP_REPORT {"step": 1, "reward": 1}', "StepWentBack", "from 2 to 1"),
    ],
)  # fmt: skip
def test_bad_reports_are_explained_and_the_next_one_counts(text: str, reason: str, says: str) -> None:
    found = read(f'{text}\nSWEEP_REPORT {{"step": 7, "reward": 3}}\n')
    assert found.problem is not None
    assert found.problem[0] == reason
    assert says in found.problem[1]
    assert len(found.problem[1]) < 300
    assert found.latest is not None
    assert found.latest[:2] == (7, 3)


def test_a_value_that_is_not_finite_is_a_gap() -> None:
    pattern = "step={step} loss={value}"
    assert values(read("step=1 loss=0.5\nstep=2 loss=nan\nstep=3 loss=-inf\n", pattern)) == [
        (1, 0.5), (2, None), (3, None),
    ]  # fmt: skip


def test_a_report_without_the_score_is_progress() -> None:
    found = read('SWEEP_REPORT {"step": 5, "loss": 1}\n')
    assert (found.points, found.latest) == ([], Point(5, None, 15.0))


def test_the_metrics_that_the_sweep_names_are_kept() -> None:
    lines = 'SWEEP_REPORT {"step": 1, "reward": 3, "loss": 0.5, "lr": 1}\nSWEEP_REPORT {"step": 2, "loss": "x"}\n'
    found = read(lines + 'SWEEP_REPORT {"step": 1, "acc": 0.25}\n', others=["acc", "loss"])
    assert found.points == [Point(1, 3.0, 15.0, 1, (("acc", 0.25), ("loss", 0.5)))], (
        "two lines of one step are one report"
    )
    alone = read('SWEEP_REPORT {"step": 5, "loss": 1}\n', needed="loss", others=["loss"])
    assert (alone.points, alone.problem) == ([Point(5, None, 15.0, 1, (("loss", 1.0),))], None)
    pattern = "loss={loss}|reward={value}|step={step}"
    assert read("reward=1\nloss=2\nstep=3\nloss=9\nreward=4\nstep=6\n", pattern, others=["loss"]).points == [
        Point(3, 1.0, 15.0, 1, (("loss", 2.0),)), Point(6, 4.0, 15.0),
    ]  # fmt: skip


def test_lines_with_times_have_their_own_seconds() -> None:
    line = "1970-01-01T00:01:{}.25Z step={} r={}"
    text = "\n".join(line.format(second, step, step / 10) for second, step in ((40, 1), (50, 2)))
    assert read(text, "step={step} r={value}", stamped=True).points == [Point(1, 0.1, 15.25), Point(2, 0.2, 25.25)]


@given(st.lists(st.integers(0, 400), max_size=5))
def test_a_log_may_be_cut_between_any_two_lines(cuts: list[int]) -> None:
    text = "".join(f"epoch {n}\nloss: {n / 8}\n\n" for n in range(1, 20))
    lines = text.splitlines(keepends=True)
    places = [0, *sorted(min(cut, len(lines)) for cut in cuts), len(lines)]
    state, found = ReportState(), list[Point]()
    for begin, end in itertools.pairwise(places):
        part = read("".join(lines[begin:end]), "epoch {step}|loss: {value}", state=state)
        state, found = part.state, fold(found, part.points, MAX_POINTS)
    assert found == fold([], [Point(n, n / 8, 15.0) for n in range(1, 20)], MAX_POINTS)


@given(st.text(max_size=300), st.sampled_from([None, "{step} {value}", "{value}|{step}"]))
def test_any_text_is_harmless(text: str, pattern: str | None) -> None:
    read(f"SWEEP_REPORT {text}\n{text}", pattern, stamped=bool(len(text) % 2))
