"""``kubectl sweep retry``."""

from sweep_operator.commands.retry import retry_command
from sweep_operator.kubectl.place import KUBECTL_SWEEP

retry = retry_command(KUBECTL_SWEEP)
