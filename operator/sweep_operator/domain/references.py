"""References and paths in the command and the environment of a container."""

from __future__ import annotations

import re
from collections.abc import Mapping

_REFERENCE = re.compile(r"\$\$|\$\(([^)]*)\)")


def expand(text: str, env: Mapping[str, str]) -> str:
    """Expand ``$(NAME)`` as Kubernetes does. Unknown names are kept; ``$$`` is a dollar sign."""

    def replace(match: re.Match[str]) -> str:
        name = match.group(1)
        if name is None:
            return "$"
        return env.get(name, match.group(0))

    return _REFERENCE.sub(replace, text)


def translate(text: str, paths: Mapping[str, str]) -> str:
    """Replace mounted paths in ``text``, whole path components only. The longest path wins."""
    if not paths:
        return text
    longest = sorted(paths, key=len, reverse=True)
    pattern = r"(?<![\w./-])(" + "|".join(map(re.escape, longest)) + r")(?![\w.-])"
    return re.sub(pattern, lambda m: paths[m.group(1)], text)
