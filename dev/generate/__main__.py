"""``make generate``: write everything that is generated, relative to the working directory."""

from __future__ import annotations

from pathlib import Path

from dev.generate import manifests, pages

for name, content in (manifests.generated(Path()) | pages.generated(Path())).items():
    path = Path(name)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content, encoding="utf-8")
