"""Learning curves, timeline, money, model and the page of a run, in a real Chromium over the real server.

Starting a browser takes seconds, so each test looks at several panels.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Literal

import pytest
from playwright.async_api import Locator, Page, expect

from tests.page_samples import HOSTILE, big_sweep, hostile_sweep
from tests.report.sample_sweep import PARAMETERS
from tests.ui.browser import focus, needs_chromium, opened, stored, violations
from tests.ui.serving import served

pytestmark = needs_chromium

SWEEP, HOSTILE_SWEEP = "/s/default/my_sweep", "/s/default/hostile"
COUNT = 60
STORED, _RUNS = big_sweep(COUNT)
RUNS, BEST = {run.name: run for run in _RUNS}, STORED.status.best[0].run
OUT_OF_MEMORY = "my-sweep.r.8"
STOPPED_EARLY = "my-sweep.r.35"
TRAINING = "my-sweep.r.59"
AT_END = """() => {
    const log = document.querySelector('[role=log]');
    return log.scrollTop + log.clientHeight > log.scrollHeight - 5;
}"""
TABS = ("curves", "timeline", "model", "money")


@pytest.fixture(scope="module")
def runs_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """60 runs, 8 of them in training, and the hostile sweep."""
    directory = tmp_path_factory.mktemp("runs")
    stored(directory, *big_sweep(COUNT))
    stored(directory, *hostile_sweep())
    return directory


@pytest.fixture
async def url(runs_dir: Path) -> AsyncIterator[str]:
    async with served(runs_dir) as client:
        yield f"{client.root}/#token={client.token}"


async def show(page: Page, route: str) -> None:
    await page.evaluate("(route) => { location.hash = '#' + route }", route)
    ready = page.get_by_role("heading", name="Take it elsewhere") if "/r/" in route else page.locator(".panel").first
    await expect(ready).to_be_visible()


async def rows(page: Page, panel: str) -> Locator:
    """The rows of the panel's table, in place of its plot."""
    await page.get_by_role("button", name=f"Show {panel} as a table").click()
    return page.get_by_role("group", name=f"{panel}: table").locator("tbody tr:not(.spacer)")


async def cells(found: Locator, column: int) -> list[str]:
    """The texts of a column."""
    await expect(found.first).to_be_visible()
    return await found.evaluate_all(f"(rows) => rows.map((row) => row.children[{column}].innerText)")


@pytest.mark.parametrize(("width", "schemes"), [(1440, ("light", "dark")), (390, ("dark",))])
async def test_axe_finds_nothing(url: str, width: int, schemes: tuple[Literal["light", "dark"], ...]) -> None:
    found: dict[str, object] = {}
    own = (*TABS, f"r/{OUT_OF_MEMORY}", f"r/{STOPPED_EARLY}")
    routes = [*(f"{SWEEP}/{part}" for part in own), f"{HOSTILE_SWEEP}/timeline", f"{HOSTILE_SWEEP}/r/hostile.r.1"]

    async def look(page: Page, where: str) -> None:
        for scheme in schemes:
            await page.emulate_media(color_scheme=scheme)
            found[f"{where} {scheme}"] = await violations(page)
        found[f"width of {where}"] = await page.evaluate(
            "Math.max(0, document.documentElement.scrollWidth - innerWidth)"
        )

    async with opened(url, f"{SWEEP}/curves", width=width, height=800) as page:
        for route in routes:
            await show(page, route)
            await look(page, route)
        await show(page, f"{SWEEP}/r/{OUT_OF_MEMORY}")
        for button in ("Add a point like this", "Retry"):
            await page.get_by_role("button", name=button).click()
            await expect(page.get_by_role("heading", name="The same as a command")).to_be_visible()
            await look(page, button)
            await page.keyboard.press("Escape")
    assert {where: what for where, what in found.items() if what} == {}


async def test_the_panels_are_used_by_keyboard(url: str) -> None:
    async with opened(url) as page:

        async def press(name: str, *keys: str) -> None:
            await page.locator("body").focus()
            await focus(page, name)
            for key in keys:
                await page.keyboard.press(key)

        await press("Sweeps: table", "End", "Enter")  # the oldest one
        await expect(page.get_by_role("heading", level=1)).to_contain_text("my_sweep")
        await press("Curves", "Enter")
        await press("x:", "ArrowDown")
        await expect(page.get_by_role("application", name="by time of training")).to_be_visible()
        await press("Timeline", "Enter")
        await press("by node", "Space")
        axes = page.get_by_role("application", name="Timeline").locator("svg.axes")
        await expect(axes).to_contain_text("node-a (1)")
        whole = str(await axes.text_content())
        await press("Zoom in", "Enter")
        await expect(axes).not_to_have_text(whole)
        await press("Money", "Enter")
        bar = page.get_by_role("application", name="Where the cost went")
        await press("Where the cost went: ", "Home")
        costs = await page.locator(".parts strong").all_text_contents()
        assert len(costs) > 2
        for cost in costs:
            await expect(bar.get_by_role("status")).to_contain_text(cost)
            await page.keyboard.press("ArrowRight")
        await press("Model", "Enter")
        await press("of", "ArrowDown")
        await press("How sure is the model?: predicted cost", "End", "Enter")
        await expect(page.get_by_role("heading", name="Why this point")).to_be_visible()
        await press("Next run", "Enter")
        await press("Add a point like this", "Enter")
        await focus(page, "Cancel")
        await page.keyboard.press("Enter")
        await expect(page.get_by_role("button", name="Add a point like this")).to_be_focused()


async def test_panels_of_a_sweep(url: str) -> None:
    failed = [r for r in RUNS.values() if r.status.failure and r.status.failure.reason == "OOMKilled"]
    async with opened(url, f"{SWEEP}/curves") as page:
        await expect(page.get_by_text(f"{COUNT} curves")).to_be_visible()
        axes = page.get_by_role("application", name="Learning curves").locator("svg.axes")
        linear = str(await axes.text_content())
        await page.get_by_label("log x").check()
        await expect(axes).not_to_have_text(linear)
        await page.get_by_placeholder("Filter runs").fill("OOMKilled")
        await expect(page.get_by_text(f"{len(failed)} curves")).to_be_visible()
        await expect(await rows(page, "Learning curves")).to_have_count(len(failed))

        await show(page, f"{SWEEP}/timeline")
        await expect(page.get_by_role("group", name=f"Lanes 1 to {len(failed)} of {len(failed)}")).to_be_visible()
        await page.get_by_placeholder("Filter runs").fill("")
        await expect(page.get_by_role("group", name=f"of {COUNT}")).to_be_visible()
        await page.get_by_label("by node").check()
        await expect(page.locator(".timeline-area").get_by_text("node-a (1)")).to_be_visible()
        axes = page.get_by_role("application", name="Timeline").locator("svg.axes")
        whole = str(await axes.text_content())
        await page.get_by_role("button", name="Zoom in", exact=True).click()
        await expect(axes).not_to_have_text(whole)
        await page.get_by_role("button", name="All of the time").click()
        await expect(axes).to_have_text(whole)
        assert {"queued", "pulling", "training"} <= set(await cells(await rows(page, "Timeline"), 1))

        await show(page, f"{SWEEP}/money")
        parts = await rows(page, "Where the cost went")
        shares, costs = await cells(parts, 3), dict(zip(await cells(parts, 0), await cells(parts, 2), strict=True))
        assert abs(sum(int(share.strip("%<")) for share in shares) - 100) <= len(shares)
        dearest = max((r for r in RUNS.values() if r.failed and not r.pruned), key=lambda r: r.status.cost or 0)
        first = page.get_by_role("region", name="Most expensive failures").get_by_role("listitem").first
        await expect(first).to_contain_text(f"run {dearest.status.run_name}: ")
        assert "wasted: crash" in costs
        await page.get_by_placeholder("Filter runs").fill("my_sweep")  # the cost of all runs, computed from the runs
        await expect(page.locator("search.filter").get_by_role("status")).to_have_text(f"{COUNT} of {COUNT} runs")
        filtered = dict(zip(await cells(parts, 0), await cells(parts, 2), strict=True))
        assert filtered == {
            part: cost for part, cost in costs.items() if "of the budget" not in part and "other" not in part
        }
        await page.get_by_placeholder("Filter runs").fill("OOMKilled")
        await expect(parts).to_have_count(1)
        await page.get_by_placeholder("Filter runs").fill("")

        await show(page, f"{SWEEP}/model")
        predicted = sum(bool(r.succeeded and r.spec.prediction) for r in RUNS.values())
        await rows(page, "How sure is the model?")
        await expect(page.get_by_role("group", name=f"How sure is the model?: table, {predicted} rows")).to_be_visible()


async def test_what_the_model_says(url: str) -> None:
    async with opened(url, f"{SWEEP}/model") as page:
        await expect(page.get_by_text("The slices go through")).to_be_visible()
        plots = page.get_by_role("application")
        await expect(plots.filter(has_text="learning_rate")).not_to_have_count(0)
        assert set(await cells(await rows(page, "Importance of the parameters"), 0)) == set(PARAMETERS)
        contour = page.get_by_role("region", name="What two parameters do together")
        await contour.locator("select").nth(1).select_option("trainer.gamma")
        await expect(contour.get_by_role("application", name="and gamma")).to_be_visible()
        assert await violations(page) == []

        await show(page, f"{SWEEP}/money")
        outlook = page.get_by_role("region", name="What more runs would buy")
        await outlook.get_by_label("next").select_option("20")
        for text in ("Chance of a new best", "Cost of 20 runs", "What this assumes"):
            await expect(outlook).to_contain_text(text)


async def test_pages_of_runs(url: str, runs_dir: Path) -> None:
    log = runs_dir / "my_sweep" / "runs" / "my_sweep.r.59" / "logs" / f"train-{RUNS[TRAINING].status.train.attempt}.log"
    log.parent.mkdir(parents=True)
    log.write_text("".join(f"line {i}\n" for i in range(400)) + "\x1b[31mred\x1b[0m <script>alert(1)</script>\n")
    async with opened(url, f"{SWEEP}/r/{OUT_OF_MEMORY}") as page:
        panel = page.get_by_role("region", name="Why it failed")
        for text in ("used more memory than it may", "out of memory", "request more memory", "not retried; learned"):
            await expect(panel).to_contain_text(text)
        await expect(page.get_by_role("region", name="Parameters")).to_contain_text("the best run")

        await show(page, f"{SWEEP}/r/{BEST}")
        parameters = page.get_by_role("region", name="Parameters")
        await expect(parameters.get_by_role("columnheader", name="Search center")).to_be_visible()
        await expect(parameters).to_contain_text("differ from the search center")

        await show(page, f"{SWEEP}/r/{STOPPED_EARLY}")
        panel = page.get_by_role("region", name="Stopped early")
        for text in ("It needed", "Was it right?", "continued for comparison"):
            await expect(panel).to_contain_text(text)

        await show(page, f"{SWEEP}/r/{TRAINING}")
        box = page.get_by_role("log")
        await expect(box).to_contain_text("red <script>alert(1)</script>")
        await page.wait_for_function(AT_END)
        await box.focus()
        await page.keyboard.press("Home")
        await expect(page.get_by_text("paused while you read earlier lines")).to_be_visible()
        await page.wait_for_function("() => document.querySelector('[role=log]').scrollTop === 0")
        await page.get_by_role("button", name="Follow").click()
        await page.wait_for_function(AT_END)


async def test_hostile_content_is_text(url: str) -> None:
    async with opened(url, "/s/default/hostile/r/hostile.r.1") as page:
        await expect(page.get_by_role("region", name="Why it failed")).to_contain_text(HOSTILE[:20])
        for route in (
            *(f"/s/default/hostile/{tab}" for tab in TABS),
            "/s/default/hostile/r/hostile.r.0",
            "/s/default/hostile/r/constructor",
        ):
            await show(page, route)
            text = await page.inner_text("body")
            assert not {"\u202e", "\x1b"} & set(text)
            assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth"), route
            protocols = await page.eval_on_selector_all("a[href]", "(all) => all.map((a) => a.protocol)")
            assert set(protocols) <= {"http:"}
