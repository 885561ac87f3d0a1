"""The site is built from the pages; a broken link, a missing anchor, a page outside the navigation is an error."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

from tests.docs.blocks import ROOT

_LOADED = re.compile(
    r"<(?:script|img|iframe)\b[^>]*\bsrc=\"?(https?:[^\"\s>]+)|<link\b[^>]*stylesheet[^>]*href=\"?(https?:[^\"\s>]+)"
)


def test_the_site_is_built_without_a_warning(tmp_path: Path) -> None:
    site = tmp_path / "site"
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(site)]
    quiet = {**os.environ, "NO_MKDOCS_2_WARNING": "1"}
    built = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, env=quiet)
    assert built.returncode == 0, built.stderr
    page = (site / "reference/sweep.html").read_text()
    assert 'id="spec-limits"' in page
    assert "maxParallelRuns" in page
    assert (site / "images/distributions/log_normal.svg").is_file()
    # It is read where there may be no network, and tells nobody who reads it.
    elsewhere = {page.name: found for page in site.glob("**/*.html") if (found := _LOADED.findall(page.read_text()))}
    assert not elsewhere
