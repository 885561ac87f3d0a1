"""``sweep limits``."""

from sweep_operator.cli.place import SWEEP
from sweep_operator.commands.limits import limits_command

limits = limits_command(SWEEP)
