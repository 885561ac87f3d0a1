"""The pure functions of the page, tested by Node's own test runner, and the size of what users load."""

from __future__ import annotations

import gzip
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
BUNDLE = ROOT / "operator" / "sweep_operator" / "ui" / "bundle"


def test_pure_functions_of_the_page() -> None:
    done = subprocess.run(
        [sys.executable, ROOT / "web" / "build.py", "run", "--silent", "test"],
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "fail 0" in done.stdout


def test_the_bundle_is_small_and_its_files_have_fixed_names() -> None:
    assert sorted(file.name for file in BUNDLE.iterdir()) == ["app.css", "app.js", "index.html"]
    assert sum(len(gzip.compress(file.read_bytes())) for file in BUNDLE.iterdir()) <= 150_000
    document = (BUNDLE / "index.html").read_text()
    assert document.count("<script") == 1
    assert "style=" not in document
    assert "eval(" not in (BUNDLE / "app.js").read_text()
