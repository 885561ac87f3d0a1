"""The operations of W&B that this project uses, done by the real SDK: what came back, and what was asked for it."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.wandb_stub import sdk
from tests.wandb_stub.records import Account
from tests.wandb_stub.sdk_session import OPERATIONS, RUN
from tests.wandb_stub.server import KEY, WandbServer

ROUTINE = {"Viewer", "ServerFeaturesQuery", "OrganizationCoreWeaveOrganizationID", "upload"}
"""Asked now and then by one version or the other, and of no consequence."""
LIVE = {"UpsertBucket", "file_stream", "CreateRunFiles"}
ARTIFACT = {"ArtifactType", "CreateArtifact", "CreateArtifactManifest", "CreateArtifactFiles", "CommitArtifact"}
LOGGED = {
    "id": RUN,
    "name": "demo.r.0",
    "state": "finished",
    "config": {"lr": 1e-05, "batch": 32, "nested": {"a": [1, 2.5]}},
    "summary": {
        "score": 2,
        "train/loss": 0.2,
        "protein.state": "success",
        "protein.suggestion": {"lr": 1e-05},
        "protein.cost": 3,
    },
    "tags": ["trial"],
    "group": "demo",
    "in a sweep": True,
}


@dataclass(frozen=True)
class Expected:
    """``error``: a pattern of the exception's type and text, where there is no result."""

    asked: set[str]
    result: Any = None
    error: str | None = None


TABLE: Mapping[str, Expected] = {
    "viewer": Expected({"GetViewer"}, ["tester", "acme"]),
    "create_sweep": Expected({"UpsertSweep"}, 8),
    "find_sweep": Expected({"GetSweeps", "GetSweep"}, [[True, "demo", "uid 1a2b3c4d"]]),
    "read_sweep": Expected({"GetSweep"}, ["demo", "PENDING", "custom", 1e-05]),
    "log_run": Expected(LIVE | {"RunResumeStatus"}, [RUN, "acme", "demo"]),
    "read_runs": Expected({"Runs"}, [LOGGED]),
    "read_runs_lazily": Expected({"Runs", "Run"}, [2]),
    "read_runs_with_sweeps": Expected({"Runs", "GetSweep"}, ["demo"]),
    "read_runs_of_sweep": Expected({"Runs"}, [RUN]),
    "read_run": Expected({"Run"}, LOGGED),
    "update_summary": Expected(
        {"UpsertBucket", "Run"},
        LOGGED["summary"] | {"score": 7.5, "protein.error": "none"},  # type: ignore[operator]
    ),
    "update_config": Expected({"UpsertBucket", "Run"}, [1, 32, ["trial", "late"]]),
    "read_history": Expected({"RunHistoryKeys", "RunParquetHistory", "SampledHistoryPage"}, [0, 0.5, 1, 1.5, 2]),
    "sample_history": Expected({"RunSampledHistory"}, [0, 0.5, 1, 1.5, 2]),
    "list_files": Expected(
        {"RunFiles"}, ["config.yaml", "requirements.txt", "wandb-metadata.json", "wandb-summary.json"]
    ),
    "resume_run": Expected(LIVE | {"RunResumeStatus", "Run"}, [6, 9, "none", "finished", 1e-05]),
    "resume_never": Expected({"RunResumeStatus"}, error="UsageError: .*resume"),
    "fail_run": Expected(LIVE | {"Run"}, "failed"),
    "filter_runs": Expected(
        {"Runs"},
        {"state": ["failing"]} | {name: [RUN] for name in ("sweep", "summary", "config", "group", "name")},
    ),
    "page_runs": Expected({"Runs"}, ["failing", RUN]),
    "best_run": Expected({"Runs"}, RUN),
    "create_run": Expected({"UpsertBucket"}, "bare"),
    "log_artifact": Expected(LIVE | ARTIFACT | {"ArtifactByID"}, ["v0", 7]),
    "delete_run": Expected(
        {"Run", "DeleteRun", "UpsertBucket"}, error="CommError: .*409.*previously created and deleted"
    ),
    "missing_run": Expected({"Run"}, error="CommError: Could not find run"),
    "missing_project": Expected({"Runs"}, error="ValueError: Could not find project never-there"),
    "new_project": Expected(LIVE, "new"),
    "foreign_entity": Expected({"UpsertBucket"}, error="CommError: permission denied"),
    "unknown_entity": Expected({"UpsertBucket"}, error="CommError: entity nobody not found"),
}


def differences(name: str, expected: Expected, outcome: Mapping[str, Any]) -> list[str]:
    asked = set(outcome["asked"]) - ROUTINE
    found = [] if asked == expected.asked else [f"{name}: asked {sorted(asked)}, not {sorted(expected.asked)}"]
    if expected.error is not None:
        if not re.search(expected.error, outcome.get("error", ""), re.DOTALL):
            found.append(f"{name}: {outcome} does not match {expected.error!r}")
    elif outcome.get("result") != expected.result or "error" in outcome:
        found.append(f"{name}: {outcome}, not {expected.result!r}")
    return found


def supported(version: str) -> str:
    """The version of the SDK that ``requirements.txt`` pins, or the oldest that ``pyproject.toml`` allows."""
    file, pattern = {
        "newest": ("requirements.txt", r"^wandb==([\d.]+)"),
        "oldest": ("pyproject.toml", r'"wandb>=([\d.]+)'),
    }[version]
    found = re.search(pattern, (sdk.ROOT / file).read_text(), re.MULTILINE)
    assert found is not None
    return found[1]


def test_every_operation_is_in_the_table() -> None:
    assert set(OPERATIONS) - {"version"} == set(TABLE)


def test_the_sdk_does_what_it_does_against_the_service(wandb_sdk: Path | None, tmp_path: Path) -> None:
    with WandbServer([Account(KEY), Account("o" * 40, "other", {"others": "write"})]) as server:
        outcomes = sdk.run_session("sdk_session", sdk.environment(server.url, tmp_path, sdk=wandb_sdk))
        assert server.rejected() == []
        assert {sweep.display_name for sweep in server.sweeps()} == {"demo"}
        runs = {run.name: run for run in server.runs()}
        assert runs[RUN].sweep == server.sweeps()[0].name
        assert server.sweeps()[0].state == "RUNNING"
        assert [row["score"] for row in runs[RUN].rows] == [0, 0.5, 1, 1.5, 2, 9]
    assert outcomes.pop("version")["result"] == supported("newest" if wandb_sdk is None else "oldest")
    assert [line for name, outcome in outcomes.items() for line in differences(name, TABLE[name], outcome)] == []
    # the light fragment holds no summary: one more request per run
    assert Counter(outcomes["read_runs"]["asked"]) == {"Runs": 1}
    assert Counter(outcomes["read_runs_lazily"]["asked"]) == {"Runs": 1, "Run": 1}
