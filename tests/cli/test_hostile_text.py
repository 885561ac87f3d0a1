"""Text from programs reaches a terminal without control characters: in a run's message, Events, status and report."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from sweep_operator.api.visible_text import visible_text
from sweep_operator.cli.main import cli
from sweep_operator.commands.output import visible_lines
from tests.builders import sweep_body
from tests.hostile_text import BIDI, hidden

UNIFORM: dict[str, Any] = {"distribution": "uniform", "min": 0, "max": 1}
HOSTILE = f"\x1b]0;title\x07\x1b[31mred\x1b[0m \x9b2J gone\r\x08\x00 {BIDI}end"
SEQUENCES = ["\x1b[31m", "\x1b]0;t\x07", "\x1b]8;;http://x\x1b\\", "\x9b2J", "\x1b", "\x1b(B", "\r\n", "\r", *BIDI]
# The program prints valid JSON, as a careful attacker would.
PROGRAM = f"""cat > "$SWEEP_RESULTS_FILE" <<'END'
{json.dumps({"error": HOSTILE})}
END
exit 65"""


@given(st.lists(st.text(st.characters()) | st.sampled_from(SEQUENCES)).map("".join))
def test_visible_text_has_no_hidden_characters(text: str) -> None:
    shown = visible_text(text)
    assert hidden(shown) == set()
    assert visible_text(shown) == shown
    shown.encode()
    if not hidden(text):
        assert shown == text


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b[1;31mError:\x1b[0m bad", "Error: bad"),
        ("\x1b]8;;http://a\x1b\\link\x1b]8;;\x1b\\", "link"),
        ("50%\r100%\r\n", "50%\n100%\n"),
        ("user\u202etxt.exe", "user\\u202etxt.exe"),
        ("bell\x07 null\x00 csi\x9b", "bell\\x07 null\\x00 csi\\x9b"),
        ("\x1b\x1b[31m[2J", "\\x1b[2J"),
        ("tab\tline\nschön 日本 👩‍🔬", "tab\tline\nschön 日本 👩‍🔬"),
    ],
)
def test_examples(text: str, shown: str) -> None:
    assert visible_text(text) == shown


def test_escape_sequences_without_an_end_take_linear_time() -> None:
    for start in ("\x90", "\x1b]", "\x1b[", "\x9b"):
        assert hidden(visible_text(start * 200_000)) == set()


@given(st.lists(st.binary() | st.sampled_from([s.encode() for s in SEQUENCES])))
def test_a_stream_has_no_hidden_characters(chunks: list[bytes]) -> None:
    assert hidden(streamed(chunks)) == set()


def test_a_stream_does_not_depend_on_its_chunks() -> None:
    log = "start\r\n\x1b[31mred\x1b[0m\n 10%\r 20%\r\nschön\n\x1b[2Jend".encode()
    for size in range(1, len(log) + 1):
        assert streamed([log[i : i + size] for i in range(0, len(log), size)]) == "start\nred\n 10%\n 20%\nschön\nend"


def streamed(chunks: list[bytes]) -> str:
    async def stream() -> AsyncIterator[bytes]:
        for chunk in chunks:
            yield chunk

    async def read() -> str:
        return "".join([text async for text in visible_lines(stream())])

    return asyncio.run(read())


def test_a_failed_run_with_a_hostile_message(tmp_path: Path) -> None:
    parameters = {"x": UNIFORM, "y": {"distribution": "categorical", "values": ["\u202ea", "\u202eb"]}}
    body = sweep_body(
        "s", method="random", parameters=parameters, limits={"maxRuns": 1}, train={"command": ["sh", "-c", PROGRAM]}
    )
    file = tmp_path / "s.yaml"
    file.write_text(json.dumps(body))
    where = ("--runs-dir", str(tmp_path / "runs"))
    shown = [sweep("run", "--plain", str(file), *where)]
    shown += [sweep(*command, *where) for command in (("status", "s"), ("list",), ("report", "s", "--no-model"))]
    shown += [sweep("status", "s", "-o", form, *where) for form in ("json", "yaml")]
    shown.append((tmp_path / "runs" / "s" / "report.html").read_text())
    for text in shown:
        assert hidden(text) == set()
    assert any("red" in line and "RunFailed" in line for line in shown[0].splitlines())
    stored = json.loads(shown[4])["items"]
    assert yaml.safe_load(shown[5])["items"] == stored
    failure = stored[1]["status"]["failure"]["message"]
    assert hidden(failure) == set()
    assert failure.startswith("red  gone\n")


def sweep(*arguments: str) -> str:
    result = CliRunner().invoke(cli, list(arguments))
    assert result.exit_code in (0, 1), result.output
    return result.output
