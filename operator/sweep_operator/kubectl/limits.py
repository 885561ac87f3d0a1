"""``kubectl sweep limits``."""

from sweep_operator.commands.limits import limits_command
from sweep_operator.kubectl.place import KUBECTL_SWEEP

limits = limits_command(KUBECTL_SWEEP)
