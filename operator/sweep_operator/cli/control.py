"""``sweep suspend``, ``resume`` and ``stop``."""

from sweep_operator.cli.place import SWEEP
from sweep_operator.commands.control import resume_command, stop_command, suspend_command

suspend, resume, stop = (make(SWEEP) for make in (suspend_command, resume_command, stop_command))
