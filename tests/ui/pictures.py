"""Draw the pictures of the documentation: ``python -m tests.ui.pictures``.

A made-up sweep of 60 runs is served by the real server, with the real model, and photographed in Chromium.
"""

from __future__ import annotations

from pathlib import Path

OUT = Path(__file__).parents[2] / "docs" / "images" / "page"
SWEEP = "/s/default/my-sweep"
PICTURES = {
    "overview": (SWEEP, 1180),
    "curves": (f"{SWEEP}/curves", 760),
    "timeline": (f"{SWEEP}/timeline", 860),
    "model": (f"{SWEEP}/model", 1480),
    "money": (f"{SWEEP}/money", 640),
    "run": (f"{SWEEP}/r/my-sweep.r.35", 940),
}
"""Route and height in pixels, by name of the file."""
_WIDTH = 1280
