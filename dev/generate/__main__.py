"""``make generate``: write everything that is generated, relative to the working directory."""

from __future__ import annotations

from pathlib import Path

from dev.generate import manifests, pages, typescript

files = manifests.generated(Path()) | pages.generated(Path()) | typescript.generated()
for name, content in files.items():
    path = Path(name)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content, encoding="utf-8")
