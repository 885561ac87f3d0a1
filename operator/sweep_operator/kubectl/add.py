"""``kubectl sweep add``."""

from sweep_operator.commands.add import add_command
from sweep_operator.kubectl.place import KUBECTL_SWEEP

add = add_command(KUBECTL_SWEEP)
