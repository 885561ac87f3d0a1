"""What is generated from the models is up to date."""

from __future__ import annotations

from pathlib import Path

import pytest

from sweep_operator.api.generate import generated

ROOT = Path(__file__).parents[2]
GENERATED = generated()


@pytest.mark.parametrize("name", GENERATED)
def test_the_file_is_what_make_generate_writes(name: str) -> None:
    assert (ROOT / name).read_text() == GENERATED[name], "run make generate"


def test_nothing_else_lies_among_the_generated_files() -> None:
    folders = {str(Path(name).parent) for name in GENERATED}
    there = {f"{folder}/{p.name}" for folder in folders for p in (ROOT / folder).iterdir()}
    assert there == set(GENERATED)
