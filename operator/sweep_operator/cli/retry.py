"""``sweep retry``."""

from sweep_operator.cli.place import SWEEP
from sweep_operator.commands.retry import retry_command

retry = retry_command(SWEEP)
