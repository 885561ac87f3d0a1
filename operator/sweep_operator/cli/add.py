"""``sweep add``."""

from sweep_operator.cli.place import SWEEP
from sweep_operator.commands.add import add_command

add = add_command(SWEEP)
