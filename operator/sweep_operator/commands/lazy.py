"""A command group that imports a command's module when the command is called, not for --help or completion."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from typing import Any, NamedTuple

import click
from click.shell_completion import CompletionItem

from sweep_operator.commands.failures import INTERRUPTED, report_failure
from sweep_operator.config.errors import suggestion


class Entry(NamedTuple):
    """Location of a command, and its line in --help."""

    module: str
    attribute: str
    help: str


class LazyGroup(click.Group):
    """Commands by name, with one error handler for all.

    ``entries``: module below ``sweep_operator``, command in it, help. The help texts are in the group so that --help
    does not import the commands. ``elsewhere``: hints for commands of other programs.
    """

    def __init__(
        self, *args: Any, entries: Mapping[str, tuple[str, str, str]], elsewhere: Mapping[str, str] = {}, **kwargs: Any
    ) -> None:
        super().__init__(*args, **kwargs)
        self.entries = {name: Entry(f"sweep_operator.{module}", *rest) for name, (module, *rest) in entries.items()}
        self._elsewhere = elsewhere

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(self.entries)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        entry = self.entries.get(cmd_name)
        if entry is None:
            return None
        command: click.Command = getattr(importlib.import_module(entry.module), entry.attribute)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, entry.help) for name, entry in self.entries.items()])

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        named = [CompletionItem(n, help=e.help) for n, e in self.entries.items() if n.startswith(incomplete)]
        return named + click.Command.shell_complete(self, ctx, incomplete)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args and args[0] not in self.entries and not args[0].startswith("-") and not ctx.resilient_parsing:
            hint = self._elsewhere.get(args[0]) or suggestion(args[0], list(self.entries))
            ctx.fail(f"{args[0]!r} is not a command; {hint}")
        return super().resolve_command(ctx, args)

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except (click.ClickException, click.exceptions.Exit, click.Abort, BrokenPipeError):
            raise  # handled by click
        except ModuleNotFoundError:
            raise  # sweep_operator.programs names the missing extra
        except KeyboardInterrupt:
            ctx.exit(INTERRUPTED)
        except Exception as error:
            if ctx.params.get("debug"):
                raise
            ctx.exit(report_failure(error))
