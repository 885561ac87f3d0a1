"""The site is built from the pages; a broken link, a missing anchor, a page outside the navigation is an error."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from tests.docs.blocks import ROOT


def test_the_site_is_built_without_a_warning(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(tmp_path / "site")]
    quiet = {**os.environ, "NO_MKDOCS_2_WARNING": "1"}
    built = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, env=quiet)
    assert built.returncode == 0, built.stderr
    page = (tmp_path / "site/reference/sweep.html").read_text()
    assert 'id="spec-limits"' in page
    assert "maxParallelRuns" in page
    assert (tmp_path / "site/images/distributions/log_normal.svg").is_file()


def test_nothing_is_loaded_from_elsewhere(tmp_path: Path) -> None:
    """Pages with parameters of unpublished work are built and read where there may be no network."""
    text = (ROOT / "mkdocs.yml").read_text()
    assert "font: false" in text
    assert "extra_javascript" not in text
