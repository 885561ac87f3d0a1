"""The page in a real Chromium: sweeps in a runs directory, a browser, and axe-core."""

from __future__ import annotations

import asyncio
import os
import re
import shutil
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, closing
from functools import cache
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit

import pytest
from playwright.async_api import ConsoleMessage, Page, async_playwright, expect

from sweep_operator.api.names import SWEEP_LABEL
from sweep_operator.api.sweep import Sweep
from sweep_operator.api.sweeprun import SweepRun
from sweep_operator.kube.embedded.server import EmbeddedKube
from sweep_operator.kube.protocol import Kind

CHROMIUM = next((p for n in ("chromium", "chromium-browser", "google-chrome") if (p := shutil.which(n))), None)
needs_chromium = pytest.mark.skipif(
    CHROMIUM is None and not os.environ.get("CI"),
    reason="no Chromium here: apt-get install chromium to see the page drawn (with CI=true this is a failure)",
)
PATIENCE = 120_000
"""Milliseconds that a test waits for what the page should show."""
FLAGS = ["--no-sandbox", "--disable-dev-shm-usage"]
AXE = Path(__file__).parents[2] / "web" / "node_modules" / "axe-core" / "axe.min.js"


def stored(runs_dir: Path, sweep: Sweep, runs: Sequence[SweepRun]) -> Path:
    """Write the objects as `sweep run` stores them; returns the sweep's directory."""
    return asyncio.run(store(runs_dir, sweep, runs))


async def store(runs_dir: Path, sweep: Sweep, runs: Sequence[SweepRun]) -> Path:
    """The same, where an event loop runs."""
    directory = runs_dir / sweep.display_name
    directory.mkdir(parents=True)
    own = [(Kind.SWEEP_RUN, run.to_json(), {SWEEP_LABEL: sweep.name}) for run in runs]
    objects = [(Kind.SWEEP, sweep.to_json(), {}), *own]
    created = [item.metadata.creation_timestamp for item in (sweep, *runs)]
    now = [created[0]]
    with closing(EmbeddedKube(directory / "state.db", clock=lambda: now[0])) as kube, kube.together():
        for time, (kind, body, labels) in zip(created, objects, strict=True):
            now[0] = time
            metadata = {"name": body["metadata"]["name"], "namespace": "default", "labels": labels}
            made = await kube.create(kind, {**body, "metadata": metadata})
            await kube.update_status(kind, {**made, "status": body["status"]})
    return directory


@asynccontextmanager
async def opened(
    url: str,
    route: str = "/",
    *,
    scheme: Literal["light", "dark"] = "light",
    width: int = 1440,
    height: int = 900,
    expected: str = "$^",
) -> AsyncIterator[Page]:
    """A page of the browser. At the end: no error on the console or of a script, and no request to another origin.

    ``expected``: pattern of the errors that the test provokes.
    """
    assert CHROMIUM is not None, "CI needs Chromium: apt-get install chromium"
    problems: list[str] = []
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        page = await browser.new_page(viewport={"width": width, "height": height}, color_scheme=scheme)
        page.set_default_timeout(PATIENCE)
        expect.set_options(timeout=PATIENCE)
        page.on("console", lambda message: problems.append(message.text) if _is_defect(message) else None)
        page.on("pageerror", lambda error: problems.append(str(error)))
        page.on("dialog", lambda dialog: problems.append(f"a script opened a dialog: {dialog.message}"))
        page.on("request", lambda asked: problems.append(asked.url) if _leaves(asked.url, url) else None)
        await page.goto(f"{url}&route={route}")
        yield page
        await browser.close()
    unexpected = [problem for problem in problems if not re.search(expected, problem)]
    assert not unexpected, unexpected


def _is_defect(message: ConsoleMessage) -> bool:
    """An error of the page. Answers of the server such as 404 are no defects: the page shows them."""
    return message.type == "error" and not message.text.startswith("Failed to load resource")


def _leaves(asked: str, url: str) -> bool:
    """Whether the request goes to another origin. Embedded pictures (data:) go nowhere."""
    return urlsplit(asked).scheme != "data" and urlsplit(asked).netloc != urlsplit(url).netloc


_ALL_RULES = """() => {
    const excluded = (rule) => rule.tags.some((tag) => tag === "experimental" || tag.endsWith("aaa"));
    const rules = axe.getRules().filter((rule) => !excluded(rule)).map((rule) => [rule.ruleId, { enabled: true }]);
    return axe.run({ rules: Object.fromEntries(rules) }).then((results) => results.violations);
}"""


async def focus(page: Page, name: str) -> None:
    """Press Tab until the element with this accessible name has the focus, and nothing takes it away."""
    for _ in range(120):
        if (await page.evaluate(_FOCUSED)).startswith(name):
            await page.evaluate(_NEXT_FRAMES)
            if (await page.evaluate(_FOCUSED)).startswith(name):
                return
        await page.keyboard.press("Tab")
    raise AssertionError(f"{name} cannot be reached with the Tab key")


# What follows a change of the page, such as the focus on a new part, happens after the next frame is drawn.
_NEXT_FRAMES = "() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))"
_FOCUSED = """() => {
    const element = document.activeElement;
    return (element.getAttribute("aria-label") ?? element.labels?.[0]?.textContent ?? element.textContent).trim();
}"""


async def violations(page: Page) -> list[str]:
    """What axe-core finds by all rules but those of level AAA and experimental ones: rule, and the first elements."""
    await page.evaluate(_axe())
    found: list[dict[str, Any]] = await page.evaluate(_ALL_RULES)
    return [f"{rule['id']}: {[node['target'] for node in rule['nodes']][:3]}" for rule in found]


@cache
def _axe() -> str:
    return AXE.read_text()
