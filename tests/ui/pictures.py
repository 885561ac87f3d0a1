"""Draw the pictures of the documentation: ``python -m tests.ui.pictures``.

A made-up sweep of 63 runs is served by the real server, with the real model, and photographed in Chromium.
"""

from __future__ import annotations

import asyncio
import base64
import tempfile
from datetime import timedelta
from pathlib import Path

from playwright.async_api import Page

from sweep_operator.api.errors import parse
from sweep_operator.api.sweep import Sweep
from sweep_operator.api.sweeprun import SweepRun
from tests.page_samples import big_sweep
from tests.report.sample_sweep import T0, with_status
from tests.ui.browser import opened, store
from tests.ui.serving import served

OUT = Path(__file__).parents[2] / "docs" / "images" / "page"
SWEEP = "/s/default/my_sweep"
PICTURES = {
    "overview": (SWEEP, 1060),
    "curves": (f"{SWEEP}/curves", 730),
    "timeline": (f"{SWEEP}/timeline", 880),
    "model": (f"{SWEEP}/model", 1560),
    "money": (f"{SWEEP}/money", 850),
    "run": (f"{SWEEP}/r/my-sweep.r.35", 1060),
}
"""Route, and height in pixels, by name of the file."""
WIDTH = 1280
QUALITY = 0.65
_WEBP = """async ([png, quality]) => {
    const image = new Image();
    image.src = `data:image/png;base64,${png}`;
    await image.decode();
    const canvas = document.createElement("canvas");
    [canvas.width, canvas.height] = [image.width, image.height];
    canvas.getContext("2d").drawImage(image, 0, 0);
    return canvas.toDataURL("image/webp", quality).split(",")[1];
}"""


async def draw(out: Path) -> None:
    """Write all pictures into ``out``."""
    out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as runs_dir:
        await store(Path(runs_dir), *_ended())
        async with served(Path(runs_dir), writes=True) as client:
            url = f"{client.root}/#token={client.token}"
            async with opened(url, SWEEP, width=WIDTH) as page:
                for name, (route, height) in PICTURES.items():
                    await page.set_viewport_size({"width": WIDTH, "height": height})
                    await page.evaluate("(route) => { location.hash = '#' + route }", route)
                    await _settled(page)
                    file = out / f"{name}.webp"
                    file.write_bytes(await _webp(page))
                    print(f"{file}: {file.stat().st_size / 1000:.0f} kB")


def _ended() -> tuple[Sweep, list[SweepRun]]:
    """A sweep without runs in progress: of those, the page would say that no process runs them."""
    sweep, runs = big_sweep(70, limits={"maxRuns": 63, "maxParallelRuns": 8})
    ended, runs = with_status(sweep.to_json(), [run for run in runs if run.terminal])
    condition = {
        "type": "Succeeded",
        "status": "True",
        "reason": "MaxRunsReached",
        "message": "63 runs created (limits.maxRuns=63)",
    }
    done = {**condition, "lastTransitionTime": (T0 + timedelta(minutes=27)).isoformat()}
    status = {**ended.status.to_json(), "conditions": [done]}
    return parse(Sweep, {**ended.to_json(), "status": status}), runs


async def _settled(page: Page) -> None:
    """Wait until everything is loaded, and all questions to the model are answered."""
    await page.wait_for_selector(".panel")
    await page.wait_for_function("() => !document.querySelector('[aria-busy=true]')")
    await page.wait_for_function("() => !/Loading…|Asking/.test(document.body.innerText)")
    await page.evaluate("() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")


async def _webp(page: Page) -> bytes:
    png = base64.b64encode(await page.screenshot()).decode()
    return base64.b64decode(await page.evaluate(_WEBP, [png, QUALITY]))


if __name__ == "__main__":
    asyncio.run(draw(OUT))
