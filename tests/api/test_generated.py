"""What is generated from the models is up to date."""

from __future__ import annotations

from pathlib import Path

from sweep_operator.api.generate import schemas

SCHEMAS = Path(__file__).parents[2] / "configs" / "schema"


def test_schemas_are_what_make_generate_writes() -> None:
    assert {p.name: p.read_text() for p in SCHEMAS.iterdir()} == schemas(), "run make generate"
