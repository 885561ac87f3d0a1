"""List, overview and comparison of sweeps, in a real Chromium over the real server."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Literal

import pytest
from playwright.async_api import Locator, Page, expect

from sweep_operator.api.sweeprun import SweepRun
from sweep_operator.kube.embedded.server import EmbeddedKube
from sweep_operator.kube.protocol import Kind
from sweep_operator.ui.here import TOKEN, page_here
from sweep_operator.ui.machine_page import machine_page
from tests.page_samples import HOSTILE, big_sweep, hostile_sweep
from tests.report.sample_sweep import T0
from tests.ui.browser import focus, needs_chromium, opened, stored, violations
from tests.ui.serving import served

pytestmark = needs_chromium

SWEEP, NAMED = "/s/default/my_sweep", "my_sweep.r"
SCHEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")
COMPARISON = "/compare?s=default/my_sweep&s=default/hostile"


@pytest.fixture(scope="module")
def runs_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """60 runs, 8 of them in training, and the hostile sweep."""
    directory = tmp_path_factory.mktemp("runs")
    stored(directory, *big_sweep(60))
    stored(directory, *hostile_sweep())
    return directory


@pytest.fixture
async def url(runs_dir: Path) -> AsyncIterator[str]:
    async with served(runs_dir) as client:
        yield f"{client.root}/#token={client.token}"


RUNS = big_sweep(60)[1]
SCORED = [(run, run.status.score, run.status.cost) for run in RUNS if run.status.score is not None and run.succeeded]


def rows(page: Page) -> Locator:
    """The rows of the table of runs that are drawn."""
    return page.get_by_role("group", name=re.compile("^Runs: table")).locator("tbody tr:not(.spacer)")


def counted(page: Page) -> Locator:
    """How many runs pass the filter."""
    return page.locator("search.filter").get_by_role("status")


async def test_axe_finds_nothing_and_narrow_screens_are_wide_enough(url: str) -> None:
    found: dict[str, object] = {}
    async with opened(url, width=390, height=800) as page:
        for where in ("/", SWEEP, "/s/default/hostile", f"{SWEEP}/conditions", COMPARISON, "/none"):
            await page.evaluate("where => { location.hash = where }", f"#{where}")
            await expect(page.locator("main h1:not(.visually-hidden)")).to_be_visible()
            if where == SWEEP:
                await page.get_by_role("button", name="Ranges", exact=True).click()
                await page.get_by_role("button", name="Show History as a table").click()
                await page.get_by_label("Highest cost in seconds").fill("100")
                await page.keyboard.press("Enter")
            for scheme in SCHEMES:
                await page.emulate_media(color_scheme=scheme)
                found[f"{where} {scheme}"] = await violations(page)
            found[f"width of {where}"] = await page.evaluate("document.documentElement.scrollWidth - innerWidth")
    assert {where: what for where, what in found.items() if what} == {}


async def test_two_sweeps_are_compared_by_keyboard(url: str) -> None:
    async with opened(url) as page:
        await expect(page.get_by_role("link", name="my_sweep")).to_be_visible()
        for name in ("Compare my_sweep", "Compare hostile"):
            await page.locator("body").focus()
            await focus(page, name)
            await page.keyboard.press("Space")
        await page.locator("body").focus()
        await focus(page, "Compare 2 sweeps")
        await page.keyboard.press("Enter")
        await expect(page.get_by_role("heading", name="Best score by cost")).to_be_visible()
        await expect(page.get_by_text("These sweeps optimize different metrics")).to_be_visible()
        await page.get_by_role("button", name="Show Best score by finished runs as a table").click()
        best = max(score for _, score, _ in SCORED)
        await expect(page.get_by_role("group", name=re.compile("^Best score by finished"))).to_contain_text(
            f"{best:.3f}"[:6]
        )


async def test_a_brush_filters_every_panel(url: str) -> None:
    async with opened(url, SWEEP) as page:
        await expect(counted(page)).to_have_text("60 runs")
        axis = page.locator(".brush-area[data-axis='trainer.optimizer.name']")
        await axis.scroll_into_view_if_needed()
        box = await axis.bounding_box()
        assert box is not None
        middle = box["x"] + box["width"] / 2
        await page.mouse.move(middle, box["y"] + box["height"] - 5)  # the lower half: adam
        await page.mouse.down()
        await page.mouse.move(middle, box["y"] + box["height"] / 2 + 5, steps=4)
        await page.mouse.up()
        adam = [run for run in RUNS if run.spec.parameters["trainer.optimizer.name"] == "adam"]
        await expect(counted(page)).to_have_text(f"{len(adam)} of 60 runs")
        await expect(page.get_by_text("name: adam")).to_be_visible()
        cells = rows(page).locator("td:nth-child(12)")
        await expect(cells.filter(has_not_text="adam")).to_have_count(0)
        await expect(cells).not_to_have_count(0)
        await page.get_by_label("Filter runs by text").fill(f"{NAMED}.1")
        both = [run for run in adam if f"{NAMED}.1" in run.status.run_name]
        await expect(counted(page)).to_have_text(f"{len(both)} of 60 runs")
        await page.get_by_role("button", name="Remove filter name: adam").click()
        await page.get_by_role("button", name="Clear").click()
        await expect(counted(page)).to_have_text("60 runs")


async def test_every_plot_is_used_by_keyboard(url: str) -> None:
    async with opened(url, SWEEP) as page:
        await expect(page.get_by_role("heading", name="History")).to_be_visible()
        await page.locator("body").focus()
        await focus(page, "History: reward by run")
        await page.keyboard.press("Home")
        plot = page.get_by_role("application", name=re.compile("^History"))
        await expect(plot.get_by_role("status")).to_contain_text(f"{NAMED}.0")
        await page.keyboard.press("ArrowRight")
        await expect(plot.get_by_role("status")).to_contain_text(f"{NAMED}.1")
        await focus(page, "Ranges")
        await page.keyboard.press("Enter")
        await focus(page, "cost, to")
        await page.keyboard.type("100")
        await page.keyboard.press("Tab")
        cheap = [run for run in RUNS if run.status.cost is not None and run.status.cost <= 100]
        await expect(counted(page)).to_have_text(f"{len(cheap)} of 60 runs")
        await focus(page, "Runs: table")
        await page.keyboard.press("ArrowDown")
        await page.keyboard.press("Enter")
        second = sorted((score, run.status.run_name) for run, score, cost in SCORED if cost <= 100)[-2][1]
        await expect(page.get_by_role("heading", level=1)).to_contain_text(second)
        await page.go_back()
        await expect(counted(page)).to_have_text(f"{len(cheap)} of 60 runs")  # the filter is still there


async def test_best_configuration_for_a_budget(url: str) -> None:
    async with opened(url, SWEEP) as page:
        answer = page.locator("output.answer")
        for budget in (40, 200):
            affordable = [(score, run.status.run_name) for run, score, cost in SCORED if cost <= budget]
            await page.get_by_label("Highest cost in seconds").fill(str(budget))
            await page.keyboard.press("Tab")
            await expect(answer.get_by_role("link")).to_have_text(max(affordable)[1])
            await expect(answer).to_contain_text(f"{len(affordable)} run")
        await page.get_by_label("Best for at most").press("End")
        await expect(answer.get_by_role("link")).to_have_text(max(SCORED, key=lambda s: s[1])[0].status.run_name)
        plot = page.get_by_role("application", name=re.compile("^Score and cost"))
        await plot.focus()
        await page.keyboard.press("End")
        last = str(await plot.get_by_role("status").text_content())
        await page.keyboard.press("Home")
        for _ in SCORED:  # also over the ring around the best run
            await page.keyboard.press("ArrowRight")
        await expect(plot.get_by_role("status")).to_have_text(last)


async def test_tables_sort_and_show_thousands_of_rows_by_scrolling(url: str) -> None:
    async with opened(url, SWEEP) as page:
        best = sorted(SCORED, key=lambda s: -s[1])
        await expect(rows(page).first).to_contain_text(best[0][0].status.run_name)
        await page.get_by_role("button", name="#", exact=True).click()
        await expect(rows(page).first).to_contain_text(f"{NAMED}.59")
        table = page.get_by_role("group", name=re.compile("^Runs: table"))
        await table.focus()
        await page.keyboard.press("End")
        await expect(rows(page).last).to_contain_text(f"{NAMED}.0")
        assert await rows(page).count() < 60


async def test_hostile_text_is_text(url: str) -> None:
    async with opened(url, "/s/default/hostile") as page:
        await expect(page.get_by_role("heading", name="Settings")).to_have_count(0)
        await expect(rows(page).first).to_be_visible()
        await page.get_by_role("button", name="Show all 64 parameters").click()
        await page.get_by_role("button", name="Ranges", exact=True).click()
        await page.get_by_role("link", name="Conditions").click()
        await expect(page.locator("main")).to_contain_text(HOSTILE[:8])
        assert await page.locator("main script, main img, main iframe, main a[href^='javascript']").count() == 0
        shown = await page.locator("main").inner_text()
        assert not set("\u202e\u200f\u2066\x1b\x00") & set(shown)


async def test_without_a_token_the_page_asks_for_one(url: str) -> None:
    root, _, token = url.partition("/#token=")
    async with opened(f"{root}/#token=wrong", expected="401") as page:
        await expect(page.get_by_role("heading", name="Token needed")).to_be_visible()
        await page.get_by_label("Token").fill(token)
        await page.get_by_role("button", name="Continue").click()
        await expect(page.get_by_role("link", name="my_sweep")).to_be_visible()
        assert token not in page.url


async def test_colors_are_the_readers_choice(url: str) -> None:
    background = "getComputedStyle(document.body).backgroundColor"
    async with opened(url, scheme="dark") as page:
        await expect(page.get_by_role("heading", name="Sweeps")).to_be_visible()
        dark = await page.evaluate(background)
        await page.get_by_label("Colors").select_option("light")
        light = await page.evaluate(background)
        assert dark != light
        await page.reload()
        await expect(page.get_by_label("Colors")).to_have_value("light")
        assert await page.evaluate(background) == light


@pytest.fixture
def small(tmp_path: Path) -> Path:
    """A runs directory of one sweep with 12 runs."""
    stored(tmp_path, *big_sweep(12))
    return tmp_path


async def test_a_page_that_was_cut_off_says_so_and_misses_nothing(small: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(TOKEN, "a-token-that-stays-the-same")
    async with page_here(machine_page(small, writes=False)) as url:
        port = int(url.split(":")[2].split("/")[0])
        context = opened(url, SWEEP, expected="ERR_")
        page = await context.__aenter__()
        await expect(counted(page)).to_have_text("12 runs")
    banner = page.locator(".banner")
    await expect(banner).to_contain_text("Disconnected")
    await page.get_by_label("Filter runs by text").fill("adam")  # the page works without its server
    await expect(counted(page)).to_contain_text("of 12 runs")
    await page.get_by_role("button", name="Clear").click()
    await change_score(small / "my_sweep" / "state.db", big_sweep(12)[1][0], 4321.5)
    async with page_here(machine_page(small, writes=False), port):
        await expect(banner).to_have_count(0)
        await expect(rows(page).first).to_contain_text("4,322")
    await context.__aexit__(None, None, None)


async def change_score(path: Path, run: SweepRun, score: float) -> None:
    """Write another score of the run, as another process would."""
    kube = EmbeddedKube(path, clock=lambda: T0)
    body = await kube.get(Kind.SWEEP_RUN, "default", run.name)
    await kube.update_status(Kind.SWEEP_RUN, {**body, "status": {**body["status"], "score": score}})
    kube.close()
