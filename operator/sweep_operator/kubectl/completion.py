"""``kubectl sweep completion``, and ``kubectl_complete-sweep``, which kubectl runs to complete our arguments."""

from __future__ import annotations

import sys
from collections.abc import Sequence

import click
from click.shell_completion import CompletionItem, ShellComplete, get_completion_class

from sweep_operator.api.visible_text import visible_text
from sweep_operator.commands.output import echo
from sweep_operator.kubectl.main import COMPLETE_VARIABLE, cli

PROGRAM = "kubectl-sweep"
_NO_SPACE, _NO_FILES = 2, 4
"""Directives of cobra's completion protocol, which kubectl's own completion speaks."""

_HEAD = """\
# Completion of `kubectl-sweep` for {shell}. `kubectl sweep` is completed by kubectl's own completion, which runs
# kubectl_complete-sweep (kubectl 1.26 or newer, with kubectl_complete-sweep on the PATH):
#   source <(kubectl completion {shell})
#   source <(kubectl sweep completion {shell})
"""


@click.command()
@click.argument("shell", type=click.Choice(["bash", "zsh"]))
def completion(shell: str) -> None:
    """Print the completion script for bash or zsh. To use it: source <(kubectl sweep completion bash)"""
    found = get_completion_class(shell)
    assert found is not None
    # Not source(): it starts a bash process to check its version.
    script = found(cli, {}, PROGRAM, COMPLETE_VARIABLE)
    echo(_HEAD.format(shell=shell) + script.source_template % script.source_vars())


def complete(arguments: Sequence[str]) -> str:
    """The output for ``arguments``, the last one incomplete: lines of word TAB help, then a directive."""
    *words, incomplete = arguments or [""]
    items = ShellComplete(cli, {}, PROGRAM, COMPLETE_VARIABLE).get_completions(list(words), incomplete)
    files = any(item.type in ("file", "dir") for item in items)
    lines = [_line(item) for item in items if item.type == "plain"]
    unfinished = any(str(item.value).endswith("=") for item in items)
    directive = (0 if files else _NO_FILES) | (_NO_SPACE if unfinished else 0)
    return "\n".join([*lines, f":{directive}"]) + "\n"


def main() -> None:
    """Entry point of ``kubectl_complete-sweep``."""
    sys.stdout.write(complete(sys.argv[1:]))


def _line(item: CompletionItem) -> str:
    value, help_ = visible_text(str(item.value)), " ".join(visible_text(str(item.help or "")).split())
    return f"{value}\t{help_}" if help_ else value
