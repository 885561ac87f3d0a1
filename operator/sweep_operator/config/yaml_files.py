"""Read YAML 1.2 (``1e-5`` is a number, ``on`` is a string) and write YAML that 1.1 readers read the same way.

The pure Python parser takes milliseconds for files of this size, and its messages contain line numbers.
"""

from __future__ import annotations

import io
import re
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.composer import Composer, ComposerError
from ruamel.yaml.constructor import DuplicateKeyError
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode
from ruamel.yaml.representer import SafeRepresenter

from sweep_operator.config.errors import ConfigError, first_line
from sweep_operator.domain.value_text import float_text

MAX_DEPTH = 64
"""Levels of nesting. Python's recursion limit is not far above what deeper files need."""
MAX_COPIES = 1_000
"""Values that are there again because of an alias (``*a``): scalars, lists and maps. Hydra needs 1 ms for each."""
_PLAIN = re.compile(r"(?:\./|[A-Za-z_/])[A-Za-z0-9_./+-]*")
SMALL_FLOAT = 0.01
"""Floats below it are written in scientific notation, in YAML and in overrides."""
_TAG = "tag:yaml.org,2002"
_WORDS_OF_YAML_1_1 = frozenset({"y", "n", "yes", "no", "on", "off", "true", "false", "null"})


def read_documents(path: Path) -> list[Any]:
    """Return every document of the file that is not empty. Raises ConfigError with file, line and remedy."""
    return parse_documents(_text(path), str(path))


def check_limits(path: Path) -> None:
    """Raise ConfigError for a file whose nesting or aliases exceed the limits; for files that another reader parses.

    That reader decides whether it is valid YAML.
    """
    try:
        for _ in _reader().compose_all(_text(path)):
            pass
    except _BeyondLimits as error:
        raise ConfigError(_marked(error, str(path))) from None
    except (YAMLError, ValueError):
        return


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise ConfigError(f"{path}: file not found") from None
    except UnicodeDecodeError as error:
        byte = error.object[error.start]
        raise ConfigError(f"{path}: is not UTF-8 text: byte {error.start} is {byte:#04x}; save it as UTF-8") from None
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror or error}") from None


def parse_documents(text: str, where: str) -> list[Any]:
    """Return every document of ``text`` that is not empty. ``where`` is the name of the text in errors."""
    try:
        return [_json_like(d, where) for d in _reader().load_all(text) if d is not None]
    except ConfigError:
        raise
    except MarkedYAMLError as error:
        raise ConfigError(_marked(error, where)) from None
    except (YAMLError, ValueError) as error:
        raise ConfigError(f"{where}: is not valid YAML: {first_line(error)}") from None


def parse_value(text: str, where: str) -> Any:
    """The value of a ``key=value`` argument: a YAML scalar, ``[a, b]`` or ``{a: b}``; an empty one is ``''``."""
    documents = parse_documents(text, where)
    if text.strip() in ("null", "~"):
        return None
    return documents[0] if documents else ""


def to_yaml(value: object) -> str:
    """One document in block style, lists of scalars on one line; without a line break at the end.

    Every string that a YAML 1.1 reader could take for another type is double-quoted.
    """
    return _dump([_with_flow_lists(value)], _double_quoted_or_plain, sys.maxsize).removesuffix("\n")


def documents_text(documents: Sequence[object]) -> str:
    """The content of a file of several documents. Long strings are folded; words of YAML 1.1 are single-quoted."""
    return _dump(documents, lambda text: "'" if text.lower() in _WORDS_OF_YAML_1_1 else None, 120)


class _FlowList(list[object]):
    """A list that is written on one line."""


class _Representer(SafeRepresenter):
    """How scalars and flow lists are written."""

    quote: Callable[[str], str | None]
    """Returns the quote of a string, or None to write it plain if YAML 1.2 allows that."""

    def ignore_aliases(self, data: object) -> bool:
        """Write equal objects in full."""
        return True

    def text(self, value: str) -> ScalarNode:
        return self.represent_scalar(f"{_TAG}:str", value, style=self.quote(value))

    def float(self, value: float) -> ScalarNode:
        return self.represent_scalar(f"{_TAG}:float", float_text(value, SMALL_FLOAT))

    def flow_list(self, value: _FlowList) -> SequenceNode:
        return self.represent_sequence(f"{_TAG}:seq", value, flow_style=True)


_Representer.add_representer(str, _Representer.text)
_Representer.add_representer(float, _Representer.float)
_Representer.add_representer(_FlowList, _Representer.flow_list)


def _dump(documents: Sequence[object], quote: Callable[[str], str | None], width: int) -> str:
    yaml = YAML(typ="safe", pure=True)
    yaml.Representer = _Representer
    yaml.default_flow_style = False
    yaml.width = width
    yaml.representer.quote = quote
    yaml.representer.sort_base_mapping_type_on_output = False
    out = io.StringIO()
    yaml.dump_all(documents, out)
    return out.getvalue()


def _with_flow_lists(value: object, in_mapping: bool = False) -> object:
    if isinstance(value, Mapping):
        return {key: _with_flow_lists(item, in_mapping=True) for key, item in value.items()}
    if not isinstance(value, (list, tuple)):
        return value
    flow = in_mapping and not any(isinstance(item, (Mapping, list, tuple)) for item in value)
    return _FlowList(value) if flow else [_with_flow_lists(item) for item in value]


def _double_quoted_or_plain(text: str) -> str | None:
    return None if _PLAIN.fullmatch(text) and text.lower() not in _WORDS_OF_YAML_1_1 else '"'


class _BeyondLimits(ComposerError):
    """A document that is nested too deeply, or whose aliases repeat too much."""


class _Composer(Composer):
    """Refuses documents beyond the limits before values are made of them, which would take seconds, or never end."""

    _levels = 0

    def compose_document(self) -> Any:
        node = super().compose_document()
        _Repetitions().measure(node, 1)
        return node

    def compose_node(self, parent: Any, index: Any) -> Any:
        if self._levels >= MAX_DEPTH:
            mark = self.parser.peek_event().start_mark
            raise _BeyondLimits(None, None, f"is nested more than {MAX_DEPTH} levels deep", mark)
        self._levels += 1
        try:
            return super().compose_node(parent, index)
        finally:
            self._levels -= 1


class _Repetitions:
    """What the aliases of a document repeat."""

    def __init__(self) -> None:
        self._known: dict[int, tuple[int, int]] = {}
        self._copies = 0

    def measure(self, node: Node, level: int) -> tuple[int, int]:
        """Values and levels of a node at a level, if each alias is replaced by what it stands for."""
        known = self._known.get(id(node))
        if known is None:
            self._known[id(node)] = MAX_COPIES + 1, 0  # the answer for a node that contains itself
            parts = [self.measure(part, level + 1) for part in _parts(node)]
            known = 1 + sum(values for values, _ in parts), 1 + max((levels for _, levels in parts), default=0)
            self._known[id(node)] = known
            return known
        self._copies += known[0]
        if self._copies > MAX_COPIES:
            problem = (
                f"aliases of this value repeat more than {MAX_COPIES} values, or it contains itself; write them out"
            )
            raise _BeyondLimits(None, None, problem, node.start_mark)
        if level + known[1] > MAX_DEPTH + 1:
            raise _BeyondLimits(None, None, f"is nested more than {MAX_DEPTH} levels deep by an alias", node.start_mark)
        return known


def _parts(node: Node) -> list[Node]:
    """The values of a list or map."""
    if isinstance(node, MappingNode):
        return [value for _, value in node.value]
    return list(node.value) if isinstance(node, SequenceNode) else []


def _reader() -> YAML:
    yaml = YAML(typ="safe", pure=True)
    yaml.Composer = _Composer
    yaml.allow_duplicate_keys = False
    # JSON has no dates: in a manifest `2026-01-01` is a string.
    table = yaml.resolver.versioned_resolver
    for first in list(table):
        table[first] = [(tag, regexp) for tag, regexp in table[first] if not str(tag).endswith(":timestamp")]
    return yaml


def _json_like(value: Any, where: str, path: str = "") -> Any:
    """``value``, if all its keys are strings and all its values are those of JSON. Raises ConfigError."""
    if isinstance(value, Mapping):
        for key in value:
            if not isinstance(key, str):
                name = path or "the file"
                raise ConfigError(f"{where}: {name} has the key {key!r}, which is not a string; put it in quotes")
        return {k: _json_like(v, where, f"{path}.{k}" if path else k) for k, v in value.items()}
    if isinstance(value, list):
        return [_json_like(item, where, f"{path}[{i}]") for i, item in enumerate(value)]
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    kind = type(value).__name__
    raise ConfigError(f"{where}: {path}: {kind} is not a JSON value; use strings, numbers, lists, maps")


def _marked(error: MarkedYAMLError, where: str) -> str:
    mark = error.problem_mark or error.context_mark
    line = f"{where}, line {mark.line + 1}" if mark is not None else where
    problem = first_line(error.problem or error.context or "unreadable")
    if isinstance(error, _BeyondLimits):
        return f"{line}: {problem}"
    if isinstance(error, DuplicateKeyError):
        key = re.search(r'duplicate key "(.*?)"', problem)
        return f"{line}: duplicate key {key.group(1)!r}; remove one" if key else f"{line}: {problem}"
    remedy = "; indent with spaces" if "\\t" in problem else "; check quotes, brackets and indentation"
    return f"{line}: is not valid YAML: {problem}{remedy}"
