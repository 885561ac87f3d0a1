"""Label selectors."""

from __future__ import annotations

from sweep_operator.kube.protocol import Labels, Object


def labels_match(obj: Object, labels: Labels) -> bool:
    """Whether a selector matches an object."""
    have = obj["metadata"].get("labels") or {}
    return all(have.get(name) in values_of(wanted) for name, wanted in labels.items())


def values_of(wanted: str | frozenset[str]) -> frozenset[str]:
    """The values that a selector accepts."""
    return frozenset({wanted}) if isinstance(wanted, str) else wanted
