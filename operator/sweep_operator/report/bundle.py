"""The page's bundle, as `make setup` and the build of the wheel leave it in the package."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.resources import files

from sweep_operator.config.errors import ConfigError


@dataclass(frozen=True)
class Bundle:
    """The script and the style of the page."""

    script: str
    style: str


def read_bundle() -> Bundle:
    """The bundle. Raises ConfigError if the page is not built."""
    folder = files("sweep_operator") / "ui" / "bundle"
    try:
        script, style = ((folder / name).read_text(encoding="utf-8") for name in ("app.js", "app.css"))
    except OSError:
        raise ConfigError("the page is not built; run `make setup`") from None
    return Bundle(script, style)
