"""The page's bundle, as `make setup` and the build of the wheel leave it in the package."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from sweep_operator.config.errors import ConfigError

BUNDLE = Path(__file__).parents[1] / "ui" / "bundle"
"""The directory with index.html, app.js and app.css."""


@dataclass(frozen=True)
class Bundle:
    """The script and the style of the page."""

    script: str
    style: str


def require_bundle(folder: Path = BUNDLE) -> None:
    """Raises ConfigError if the page is not built."""
    if not (folder / "index.html").is_file():
        raise ConfigError("the page is not built; run `make setup`")


def read_bundle(folder: Path = BUNDLE) -> Bundle:
    """The bundle. Raises ConfigError if the page is not built."""
    require_bundle(folder)
    script, style = ((folder / name).read_text(encoding="utf-8") for name in ("app.js", "app.css"))
    return Bundle(script, style)
