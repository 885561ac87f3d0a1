"""The dialogs of the actions in a real Chromium: by keyboard, with the command, the prediction and the answer."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.async_api import Locator, Page, expect

from tests.page_samples import big_sweep
from tests.ui.browser import needs_chromium, opened, stored
from tests.ui.serving import Client, served

pytestmark = needs_chromium

SWEEP = "/s/default/my_sweep"
RUN = f"{SWEEP}/r/my-sweep.r.1"


@pytest.fixture
def runs_dir(tmp_path: Path) -> Path:
    stored(tmp_path, *big_sweep(40))
    return tmp_path


def url_of(client: Client) -> str:
    return f"{client.root}/#token={client.token}"


def command(page: Page) -> Locator:
    return page.get_by_role("dialog").get_by_label("the command", exact=True)


def said(page: Page, text: str) -> Locator:
    return page.get_by_role("dialog").get_by_role("status").filter(has_text=text)


async def test_every_action_shows_its_command_and_the_answer(runs_dir: Path) -> None:
    async with served(runs_dir, writes=True) as client, opened(url_of(client), RUN) as page:
        dialog, begin = page.get_by_role("dialog"), page.get_by_role("button", name="Add a point like this")
        await begin.press("Enter")
        gamma = dialog.get_by_label("trainer.gamma")
        assert 0.9 < float(await gamma.input_value()) < 1
        await gamma.fill("1.5")
        await expect(dialog).to_contain_text("outside the bounds (0.9 to 0.999)")
        await gamma.fill("nine")
        await expect(dialog).to_contain_text("nine is not a number")
        await expect(dialog.get_by_role("button", name="Add the point")).to_be_disabled()
        await gamma.fill("0.93")
        await dialog.get_by_label("Name of the run").fill("my-sweep.r.1")
        await expect(command(page)).to_contain_text("trainer.gamma=0.93")
        await dialog.get_by_role("button", name="Add the point").click()
        await expect(dialog.get_by_role("alert").first).to_contain_text("already exists")
        await dialog.get_by_label("Name of the run").fill("mine")
        await expect(command(page)).to_contain_text("--name mine")
        await expect(dialog).to_contain_text("Predicted cost")
        await dialog.get_by_role("button", name="Add the point").press("Enter")
        await expect(said(page, "mine created")).to_be_visible()
        await expect(dialog.get_by_role("button", name="Close")).to_be_focused()
        await page.keyboard.press("Enter")
        await expect(begin).to_be_focused()
        await page.evaluate(f"location.hash = '#{SWEEP}/r/mine'")
        await expect(page.get_by_role("row", name="gamma")).to_contain_text("0.93")

        for run, button, answer in (("my-sweep.r.39", "Stop", "stopped"), ("my-sweep.r.8", "Retry", "created")):
            await page.evaluate(f"location.hash = '#{SWEEP}/r/{run}'")
            await page.get_by_role("button", name=f"{button}…").click()
            await expect(command(page)).to_contain_text(f"{button.lower()} my_sweep.r.")
            await dialog.get_by_role("button", name=f"{button} the run").click()
            await expect(said(page, answer)).to_be_visible()
            await page.keyboard.press("Escape")

        await page.evaluate(f"location.hash = '#{SWEEP}'")
        await page.get_by_role("button", name="Limits").click()
        await dialog.get_by_label("Parallel runs").fill("3")
        await expect(command(page)).to_contain_text("maxParallelRuns=3")
        await dialog.get_by_role("button", name="Change the limits").click()
        await expect(said(page, "limits updated")).to_be_visible()
        await page.keyboard.press("Escape")
        await page.get_by_role("button", name="Limits").click()
        await expect(dialog).to_contain_text("Number of runs at the same time; 3 now")
        await page.keyboard.press("Escape")

        for button, answer in (("Suspend", "suspended"), ("Resume", "resumed"), ("Stop", "stopped")):
            await page.get_by_role("button", name=f"{button}…").click()
            await dialog.get_by_role("button", name=f"{button} the sweep").click()
            await expect(said(page, answer)).to_be_visible()
            await page.keyboard.press("Escape")


async def test_a_read_only_page_offers_the_command_only(runs_dir: Path) -> None:
    async with served(runs_dir) as client, opened(url_of(client), RUN) as page:
        begin = page.get_by_role("button", name="Add a point like this")
        await begin.press("Enter")
        dialog = page.get_by_role("dialog")
        await expect(command(page)).to_contain_text("sweep add my_sweep")
        await expect(dialog).to_contain_text("Start it with `sweep ui --write`")
        await expect(dialog.get_by_role("button", name="Add the point")).to_have_count(0)
        for key in [*["Tab"] * 13, *["Shift+Tab"] * 13]:
            await page.keyboard.press(key)
            assert await page.evaluate("document.querySelector('dialog').contains(document.activeElement)")
        await page.keyboard.press("Escape")
        await expect(begin).to_be_focused()
