"""The page with many runs in Chromium: `python -m tests.bench.page_browser [--runs 5000]`.

A real `sweep ui` serves a state file. Measured are the time until the page is drawn, and the time from a movement of
the brush in the parallel coordinates until all panels are updated and the next frame is drawn. Wall times depend on
what else the machine does; CPU time of the browser's process for the page hardly.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import tempfile
from contextlib import closing
from pathlib import Path

import psutil
from playwright.async_api import Page, async_playwright

from sweep_operator.kube.embedded.server import EmbeddedKube
from tests.bench.page import document, fill, served
from tests.cli.stored_sweeps import T0
from tests.ui.browser import CHROMIUM, FLAGS

BRUSH = """async (steps) => {
  const area = document.querySelector(".brush-area");
  const box = area.getBoundingClientRect();
  const frame = () => new Promise((done) => requestAnimationFrame(() => setTimeout(done)));
  const send = (type, y) => area.dispatchEvent(new PointerEvent(type, {
    bubbles: true, pointerId: 1, clientX: box.x + 10, clientY: box.y + y }));
  area.setPointerCapture = () => {};
  send("pointerdown", 20);
  const times = [];
  for (let step = 1; step <= steps; step += 1) {
    await frame();
    const began = performance.now();
    send("pointermove", 20 + (200 * step) / steps);
    await frame();
    times.push(performance.now() - began);
  }
  send("pointerup", 220);
  return times;
}"""
"""Milliseconds of each movement of a brush that grows over the first axis."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=5000)
    parser.add_argument("--steps", type=int, default=20)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(measure(Path(folder), options.runs, options.steps))


async def measure(runs_dir: Path, runs: int, steps: int) -> None:
    """Print all figures."""
    (runs_dir / "big").mkdir()
    with closing(EmbeddedKube(runs_dir / "big/state.db", clock=lambda: T0)) as kube:
        key, _ = await fill(kube, runs)
        async with served(runs_dir) as (_, port), async_playwright() as playwright:
            await document(port, f"/api/sweeps/{key}")  # the server has read its file
            browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
            page = await browser.new_page(viewport={"width": 1440, "height": 900})
            await page.goto(f"http://127.0.0.1:{port}/#token=bench&route=/s/{key}")
            await page.locator(".brush-area").first.wait_for()
            drawn = await page.evaluate("new Promise((done) => requestAnimationFrame(() => done(performance.now())))")
            paint = await page.evaluate("performance.getEntriesByName('first-contentful-paint')[0].startTime")
            used = sum(sum(p.cpu_times()[:2]) for p in renderers())
            print(f"{runs} runs: first paint after {paint:.0f} ms; all panels are drawn after {drawn:.0f} ms")
            print(f"until then {1000 * used:.0f} ms of CPU time")
            await brushed(page, steps)
            await browser.close()


def renderers() -> list[psutil.Process]:
    """The browser's processes that draw pages."""
    return [p for p in psutil.Process().children(recursive=True) if "--type=renderer" in p.cmdline()]


async def brushed(page: Page, steps: int) -> None:
    """Print what a movement of the brush takes."""
    before = {p.pid: sum(p.cpu_times()[:2]) for p in renderers()}
    times = await page.evaluate(BRUSH, steps)
    used = max(sum(p.cpu_times()[:2]) - before.get(p.pid, 0) for p in renderers())
    filtered = await page.locator("search.filter [role=status]").inner_text()
    print(
        f"{steps} movements of the brush ({filtered} at the end): median {statistics.median(times):.0f} ms, "
        f"longest {max(times):.0f} ms, {1000 * used / steps:.0f} ms of CPU time each"
    )


if __name__ == "__main__":
    main()
