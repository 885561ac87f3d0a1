"""``kubectl sweep suspend``, ``resume`` and ``stop``."""

from sweep_operator.commands.control import resume_command, stop_command, suspend_command
from sweep_operator.kubectl.place import KUBECTL_SWEEP

suspend, resume, stop = (make(KUBECTL_SWEEP) for make in (suspend_command, resume_command, stop_command))
