"""``export`` and ``import``: the parts that do not depend on where the sweep is stored."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from sweep_operator.commands.options import STANDARD_OUTPUT, ExportOptions, ImportOptions
from sweep_operator.commands.output import echo, echo_data, write_file
from sweep_operator.config.errors import ConfigError
from sweep_operator.exchange.import_file import ImportFile, Imports, names_of, values_of
from sweep_operator.exchange.row import Row
from sweep_operator.exchange.write import to_csv, to_jsonl

_JSON_LINES = (".jsonl", ".ndjson", ".json")


def write_rows(rows: Sequence[Row], target: ExportOptions) -> None:
    """Write ``rows`` to standard output, or to a file that appears only when it is complete. Raises ConfigError."""
    output = target.output
    implied = output.name.lower().endswith(_JSON_LINES)
    text = to_jsonl(rows) if target.form == "jsonl" or (target.form is None and implied) else to_csv(rows)
    if output == STANDARD_OUTPUT:
        echo_data(text)
        return
    if not output.name or output.is_dir():
        raise ConfigError(f"--output: '{output}' is a directory; name a file")
    write_file(output, text)
    echo(f"{len(rows)} run{'s' if len(rows) != 1 else ''} written to {output}", err=True)


def import_file(path: Path, options: ImportOptions) -> ImportFile:
    """The file, and how to read it. Raises ConfigError."""
    names = names_of(options.mapped, options.metric, options.cost)
    return ImportFile(path, names, values_of(options.given), options.ignore_unknown)


def report_imports(found: Imports, dry_run: bool) -> None:
    """Print what was imported and what was skipped."""
    for note in found.notes:
        echo(f"note: {note}", err=True)
    known = f"; {found.known} already imported" if found.known else ""
    runs = "1 run" if len(found.bodies) == 1 else f"{len(found.bodies)} runs"
    echo(f"{'would import' if dry_run else 'imported'} {runs}{known}")
