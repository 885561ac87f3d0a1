"""The command lines, as their own --help says it."""

from __future__ import annotations

import click

_WIDTH = 100


def command_reference(program: str, command: click.Command, intro: str) -> str:
    """A page about one program: its own help, then that of each of its commands."""
    parent = click.Context(command, info_name=program, terminal_width=_WIDTH, max_content_width=_WIDTH)
    lines = [f"# {program}", "", intro, "", *_help(command, parent)]
    if isinstance(command, click.Group):
        for name in command.list_commands(parent):
            found = command.get_command(parent, name)
            assert found is not None
            context = click.Context(
                found, parent=parent, info_name=name, terminal_width=_WIDTH, max_content_width=_WIDTH
            )
            lines += [f"## {name}", "", *_help(found, context)]
    return "\n".join(lines).rstrip() + "\n"


def _help(command: click.Command, context: click.Context) -> list[str]:
    lines = [line.rstrip() for line in command.get_help(context).splitlines()]
    return ["```text", *lines, "```", ""]
