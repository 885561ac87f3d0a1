"""The site builds. A broken link, a missing anchor or a page outside the navigation is an error."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import click
import pytest

import protein
from sweep_operator.cli.main import cli
from sweep_operator.kubectl.main import cli as plugin
from tests.docs.blocks import ROOT

_LOADED = re.compile(
    r"<(?:script|img|iframe)\b[^>]*\bsrc=\"?(https?:[^\"\s>]+)|<link\b[^>]*stylesheet[^>]*href=\"?(https?:[^\"\s>]+)"
)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The built site. Its build reports no warning."""
    site = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(site)]
    quiet = {**os.environ, "NO_MKDOCS_2_WARNING": "1"}
    built = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, env=quiet)
    assert built.returncode == 0, built.stderr
    return site


def test_the_site_contains_the_generated_pages_and_pictures(site: Path) -> None:
    page = (site / "reference/sweep.html").read_text()
    assert 'id="spec-limits"' in page
    assert "maxParallelRuns" in page
    assert (site / "images/distributions/log_normal.svg").is_file()


def test_the_site_loads_nothing_from_elsewhere(site: Path) -> None:
    # Readers may be offline, and the site must not report who reads it.
    elsewhere = {page.name: found for page in site.glob("**/*.html") if (found := _LOADED.findall(page.read_text()))}
    assert not elsewhere


@pytest.mark.parametrize(
    ("page", "program", "group"), [("sweep-command", "sweep", cli), ("kubectl-sweep", "kubectl-sweep", plugin)]
)
def test_the_reference_has_every_command(site: Path, page: str, program: str, group: click.Group) -> None:
    anchors = _anchors(site / f"reference/{page}.html")
    assert {f"{program}-{name}" for name in group.list_commands(click.Context(group))} <= anchors


def test_the_reference_has_every_public_name_of_the_library(site: Path) -> None:
    shown = {anchor.rsplit(".", 1)[1] for anchor in _anchors(site / "reference/library.html") if "." in anchor}
    assert set(protein.__all__) <= shown


def _anchors(page: Path) -> set[str]:
    return set(re.findall(r'id="([^"]+)"', page.read_text()))
