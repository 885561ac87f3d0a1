"""The command that repeats the training of a run: the template that the run used, with the values filled in.

A program can read its parameters from places that a template does not show: from the environment or from files. If the
template does not show where all parameters go, the command sets every variable and writes every file of the run.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from sweep_operator.api.names import FILES_DIR, RESULTS_FILE, RUN_DIR
from sweep_operator.api.parameters import env_name
from sweep_operator.api.sweep import Sweep
from sweep_operator.api.sweeprun import SweepRun
from sweep_operator.api.template import StageTemplate
from sweep_operator.config.patch import command, overrides, typed_parameters
from sweep_operator.domain.references import expand, translate
from sweep_operator.domain.revisions import RunTemplate
from sweep_operator.manifests.attempt import StageAttempt
from sweep_operator.manifests.env import build_env
from sweep_operator.manifests.overrides import parameter_files
from sweep_operator.manifests.substitution import ALL_PARAMETERS, substitute_arguments

Templates = Mapping[str, RunTemplate]
"""The templates that runs used, by hash."""
_OF_THE_RUN = ("SWEEP_RUN_NAME", "SWEEP_RUN_SEED", "SWEEP_RUN_DIR", "SWEEP_RESULTS_FILE")
"""What a program that takes part in sweeps may read, wherever its parameters come from."""
_FILES = ("SWEEP_PARAMS_FILE", "SWEEP_CONFIG_FILE", "SWEEP_OVERRIDES_FILE", "WANDB_SWEEP_PARAM_PATH")
_WANDB = ("WANDB_SWEEP_PARAM_PATH", "WANDB_MODE", "WANDB_PROJECT", "WANDB_ENTITY", "WANDB_BASE_URL", "WANDB_NAME")
"""The other variables would continue the W&B run of the sweep."""
_HYDRA = ("$(overrides)", "$(args_no_hyphens)")
_OVERRIDE = re.compile(r"[+~]{0,2}[A-Za-z_][\w./@:-]*=\S*")
_VARIABLE = re.compile("\0([A-Za-z_][A-Za-z0-9_]*)\0")
"""A shell variable inside a text: its name between two NUL characters, which no argument contains."""


def takes_overrides(train: StageTemplate) -> bool:
    """Whether the program is Hydra's, or unknown (a sweep read from W&B)."""
    parts = [*train.command, *train.args]
    shown = any(part in _HYDRA for part in parts) or any(_OVERRIDE.fullmatch(part) for part in parts[1:])
    return shown or is_unknown(train)


def is_unknown(train: StageTemplate) -> bool:
    """Whether nothing says how the program is started."""
    return not (train.command or train.args or train.image)


def training_command(sweep: Sweep, run: SweepRun, templates: Templates, name: str) -> TrainingCommand:
    """The command of the template that the run used. A run that never started, such as an imported one, has none."""
    used, current = run.status.template_hash, RunTemplate.of(sweep)
    if used is None or used == current.hash:
        return TrainingCommand(sweep, run, current, name)
    return TrainingCommand(sweep, run, templates.get(used, current), name, is_current=used not in templates)


@dataclass(frozen=True)
class TrainingCommand:
    """The command of one run. It runs under ``name``, in a directory of that name below the current one."""

    sweep: Sweep
    run: SweepRun
    template: RunTemplate
    name: str
    is_current: bool = False
    """Whether ``template`` is the sweep's current one although the run used another one."""

    @property
    def text(self) -> str:
        """The command, quoted for a POSIX shell. It can have several lines."""
        if is_unknown(self._train):
            parameters = {**self._attempt.template.fixed, **typed_parameters(self.sweep, self.run.parameters)}
            return command(self._train, [f"run={self.name}", *overrides(parameters)])
        used = "\n".join([*self._argv, *self._env.values()])
        lines = [f"cd {_quoted(self._train.working_dir)}"] if self._train.working_dir and not self._image else []
        if self._root in used:
            lines.append(f"mkdir -p {shlex.quote(self.name)}")
        for file, content in self._used_files(used).items():
            words = " ".join(shlex.quote(line) for line in content.removesuffix("\n").split("\n"))
            lines.append(f"printf '%s\\n' {words} > {shlex.quote(f'{self.name}/{file}')}")
        return "\n".join([*lines, " \\\n".join(self._call(self._root in used))])

    @property
    def notes(self) -> list[str]:
        """What the user has to provide."""
        notes = []
        if self._outside:
            notes.append(f"Export {', '.join(self._outside)} first: the sweep takes the value from the cluster.")
        sources = [str(s.get("name")) for e in self._train.env_from or [] for s in e.values() if isinstance(s, dict)]
        if sources:
            notes.append(f"Export the variables of {', '.join(sources)} first: the sweep takes them from the cluster.")
        if self._train.nodes > 1:
            notes.append(f"In the sweep, {self._train.nodes} nodes run this command together.")
        if self.is_current:
            notes.append("The template of this run cannot be read; the command uses the sweep's current template.")
        return notes

    @property
    def _train(self) -> StageTemplate:
        return self.template.train

    @property
    def _outside(self) -> list[str]:
        """The variables whose values are in other objects, such as Secrets."""
        return [v["name"] for v in self._train.env or [] if v.get("valueFrom") is not None]

    @property
    def _image(self) -> str | None:
        """The image, if its entry point is the program."""
        return None if self._train.command else self._train.image

    @property
    def _root(self) -> str:
        """The directory of the run: an absolute path, because a program may change its working directory."""
        return RUN_DIR if self._image else f"\0PWD\0/{self.name}"

    @cached_property
    def _attempt(self) -> StageAttempt:
        fixed = self.template.fixed if self.run.status.fixed is None else self.run.status.fixed
        template = self.template.with_(fixed=fixed, train=self._train.with_(nodes=1))
        return StageAttempt(self.sweep, self.run, template, "train", 1, name_of_run=self.name)

    @cached_property
    def _declared(self) -> dict[str, str]:
        """All variables of the run's container, expanded. Those from other objects refer to the shell's variables."""
        declared: dict[str, str] = {}
        for variable in build_env(self._attempt):
            name = variable["name"]
            value = expand(variable.get("value") or "", declared)
            declared[name] = f"\0{name}\0" if variable.get("valueFrom") is not None else value
        return declared

    @cached_property
    def _argv(self) -> list[str]:
        arguments = substitute_arguments([*self._train.command, *self._train.args], self._attempt.values)
        return [self._local(expand(argument, self._declared)) for argument in arguments]

    @cached_property
    def _env(self) -> dict[str, str]:
        """The variables that the command sets."""
        values = {name: self._local(value) for name, value in self._declared.items()}
        own = {v["name"] for v in self._train.env or []}
        names = {n for n in values if n.startswith("SWEEP_") or n in _WANDB} | own
        if self._shows_parameters:
            reports = self.template.eval is not None or self._train.results.source != "Log"
            text = "\n".join([*self._argv, *(values[name] for name in own if name in values)])
            mentioned = _mentioned(names, text)
            files = self._used_files("\n".join([text, *(values[name] for name in mentioned)]))
            names = own | mentioned | _mentioned(names, "".join(files.values())) | set(_OF_THE_RUN if reports else ())
        return {name: value for name, value in values.items() if name in names and value != f"\0{name}\0"}

    @property
    def _shows_parameters(self) -> bool:
        """Whether the template shows where every parameter goes."""
        parts = [*self._train.command, *self._train.args]
        if any(part in ALL_PARAMETERS for part in parts):
            return True
        text = "\n".join([*parts, *(str(v.get("value") or "") for v in self._train.env or [])])
        return bool(_mentioned(_FILES, text)) or all(
            f"$(params.{path})" in text or _mentioned([env_name(path)], text) for path in self._attempt.parameters
        )

    def _used_files(self, text: str) -> dict[str, str]:
        """The parameter files whose path is in ``text``."""
        attempt = self._attempt
        files = parameter_files(attempt.sweep, attempt.run, attempt.template, self.name)
        return {file: content for file, content in files.items() if f"{self._root}/{file}" in text}

    def _local(self, text: str) -> str:
        places = {RUN_DIR: self._root, FILES_DIR: self._root, RESULTS_FILE: f"{self._root}/result.json"}
        return translate(text, places)

    def _call(self, with_directory: bool) -> list[str]:
        """The variables, then the program with its arguments."""
        if self._image is None:
            words = [f"{name}={_quoted(value)}" for name, value in self._env.items()]
            plain = all(name.isidentifier() for name in self._env)
            return [*([] if plain else ["env"]), *words, _line(self._argv)]
        options = ["docker", "run", "--rm"]
        if with_directory:
            options += ["--volume", f"\0PWD\0/{self.name}:{RUN_DIR}"]
        if self._train.working_dir:
            options += ["--workdir", self._train.working_dir]
        variables = [*self._outside, *(f"{name}={value}" for name, value in self._env.items())]
        return [_line(options), *(_line(["--env", v]) for v in variables), _line([self._image, *self._argv])]


def _mentioned(names: Iterable[str], text: str) -> set[str]:
    return {name for name in names if re.search(rf"(?<![A-Za-z0-9_]){re.escape(name)}(?![A-Za-z0-9_])", text)}


def _line(words: Sequence[str]) -> str:
    return " ".join(map(_quoted, words))


def _quoted(text: str) -> str:
    """One word of a shell command."""
    pieces = _VARIABLE.split(text)  # text and names of variables take turns
    quoted = [f'"${piece}"' if place % 2 else shlex.quote(piece) for place, piece in enumerate(pieces) if piece]
    return "".join(quoted) or "''"
