"""``sweep logs``."""

from sweep_operator.cli.place import SWEEP
from sweep_operator.commands.logs import logs_command

logs = logs_command(SWEEP)
