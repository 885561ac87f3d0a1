"""What is generated from the models is up to date."""

from __future__ import annotations

from pathlib import Path

import pytest

from dev.generate import pages as documentation
from dev.generate import typescript
from dev.generate.manifests import generated
from tests.docs.blocks import pages

ROOT = Path(__file__).parents[2]
GENERATED = generated(ROOT) | documentation.generated(ROOT) | typescript.generated()


@pytest.mark.parametrize("name", GENERATED)
def test_the_file_is_what_make_generate_writes(name: str) -> None:
    assert (ROOT / name).read_text() == GENERATED[name], "run make generate"


FOLDERS = (
    "crds", "deploy", "configs/schema", "charts/sweep-operator/templates/generated",
    "docs/reference", "docs/images/distributions",
)  # fmt: skip


def test_generated_folders_contain_no_other_files() -> None:
    there = {f"{folder}/{p.name}" for folder in FOLDERS for p in (ROOT / folder).iterdir() if p.is_file()}
    there -= {str(page.relative_to(ROOT)) for page in pages()} | {"deploy/namespaced-values.yaml"}  # written by hand
    assert there == {name for name in GENERATED if str(Path(name).parent) in FOLDERS}
