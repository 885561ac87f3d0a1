"""/metrics with a bearer token; the probes stay open."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import aiohttp
import pytest

from sweep_operator.api.hardware import OperatorConfig
from sweep_operator.engine.engine import Engine
from sweep_operator.engine.ports import Settings
from sweep_operator.kube.embedded import EmbeddedKube
from sweep_operator.runtime import health
from sweep_operator.runtime.metrics import Metrics
from sweep_operator.runtime.warm_start_sources import ClusterWarmStart
from sweep_operator.sandbox.tasks import InProcess
from sweep_operator.suggest.pool import OptimizerPool
from sweep_operator.tracking.history.warm_start import WandbSources


def probes() -> health.Health:
    kube = EmbeddedKube(None, clock=lambda: datetime(2026, 1, 1, tzinfo=UTC))
    settings = Settings(config=OperatorConfig(), now=lambda: datetime.now(UTC), monotonic=lambda: 0.0)
    engine = Engine(
        kube, OptimizerPool(), ClusterWarmStart(kube, WandbSources(OperatorConfig()), InProcess()), settings
    )
    return health.Health(engine, lambda: 0.0, 300.0)


@pytest.fixture
def token_file(tmp_path: Path) -> Path:
    path = tmp_path / "token"
    path.write_text("first\n")
    return path


@pytest.fixture
async def url(token_file: Path) -> AsyncIterator[str]:
    async with health.serve(probes(), Metrics(), "127.0.0.1", 0, token_file=token_file) as port:
        yield f"http://127.0.0.1:{port}"


async def status(url: str, authorization: str | None = None) -> int:
    headers = {} if authorization is None else {"Authorization": authorization}
    async with aiohttp.ClientSession() as session, session.get(url, headers=headers) as answer:
        return answer.status


@pytest.mark.parametrize(
    ("authorization", "code"),
    [
        (None, 401),
        ("", 401),
        ("Bearer", 401),
        ("Bearer ", 401),
        ("Bearer second", 401),
        ("Bearer firs", 401),
        ("Bearer f\N{LATIN SMALL LETTER I WITH DIAERESIS}rst", 401),
        ("Basic first", 401),
        ("Bearer first", 200),
        ("bearer first", 200),
    ],
)
async def test_metrics_require_the_token(url: str, authorization: str | None, code: int) -> None:
    assert await status(f"{url}/metrics", authorization) == code


async def test_the_probes_are_open(url: str) -> None:
    assert await status(f"{url}/healthz") == 200
    assert await status(f"{url}/readyz") == 503


async def test_a_changed_token_applies_to_the_next_request(url: str, token_file: Path) -> None:
    token_file.write_text("second")
    assert await status(f"{url}/metrics", "Bearer first") == 401
    assert await status(f"{url}/metrics", "Bearer second") == 200


async def test_without_a_usable_token_nobody_has_access(url: str, token_file: Path) -> None:
    token_file.write_text("\n")
    assert await status(f"{url}/metrics", "Bearer ") == 401
    token_file.unlink()
    assert await status(f"{url}/metrics", "Bearer first") == 503


async def test_without_the_option_metrics_are_open() -> None:
    async with health.serve(probes(), Metrics(), "127.0.0.1", 0) as port:
        assert await status(f"http://127.0.0.1:{port}/metrics") == 200
