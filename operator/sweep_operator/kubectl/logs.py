"""``kubectl sweep logs``."""

from sweep_operator.commands.logs import logs_command
from sweep_operator.kubectl.place import KUBECTL_SWEEP

logs = logs_command(KUBECTL_SWEEP)
