"""The search space: named parameters, and the unit box that models see.

A configuration has three forms: nested (``{"trainer": {"lr": 3e-4}}``), flat (``{"trainer.lr": 3e-4}``) and a row of
the unit box (dim,): one column per numeric or ordered parameter, k columns (one-hot) per unordered categorical of k.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice, pairwise, product
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from protein.arrays import Array, Indices, Mask
from protein.searchspace import conditions, paths
from protein.searchspace.coordinates import Grid, LogGrid, Value, same
from protein.searchspace.parameters import Parameter, SpaceError, read_parameter

Flat = Mapping[str, Any]

__all__ = ["Column", "Parameter", "SearchSpace", "SpaceError"]


@dataclass(frozen=True)
class Column:
    """One column of the unit box."""

    searched: Parameter
    kind: Literal["continuous", "grid", "onehot"]

    @property
    def parameter(self) -> str:
        """Path of the parameter."""
        return self.searched.path

    @property
    def grid(self) -> Grid | LogGrid | None:
        """The grid of the values; None for other columns."""
        return self.searched.coordinate if isinstance(self.searched.coordinate, (Grid, LogGrid)) else None

    @property
    def last_cell(self) -> int:
        """Index of the last cell of a grid."""
        assert self.grid is not None
        return len(self.grid.cells) - 1

    def to_cells(self, units: Array) -> Indices:
        """The cells of a grid (m,) that hold the coordinates (m,)."""
        if isinstance(self.grid, Grid):
            return np.clip(np.floor(units * (self.last_cell + 1)), 0, self.last_cell).astype(np.int64)
        assert self.grid is not None
        return np.array([self.grid.index(float(unit)) for unit in units], dtype=np.int64)

    def to_units(self, cells: Indices) -> Array:
        """The coordinates (m,) of the values of cells (m,)."""
        if isinstance(self.grid, Grid):
            return (cells + 0.5) / (self.last_cell + 1)
        assert self.grid is not None
        return np.array([self.grid.to_unit(self.grid.cells[int(cell)]) for cell in cells], dtype=np.float64)


class SearchSpace:
    """Parameters in the order in which they were given. Raises SpaceError for what cannot be searched."""

    def __init__(self, parameters: Mapping[str, Any]) -> None:
        read = [p if isinstance(p, Parameter) else read_parameter(n, p) for n, p in _leaves(parameters)]
        if not read:
            raise SpaceError("is empty; add at least one", "parameters")
        self.parameters: Mapping[str, Parameter] = {p.path: p for p in read}
        self.names: tuple[str, ...] = tuple(self.parameters)
        conditions.check_parameters(self.parameters)
        self.columns: tuple[Column, ...] = tuple(c for p in read for c in _columns(p))
        self.dim = len(self.columns)
        self.owner = np.array([self.names.index(c.parameter) for c in self.columns])
        """Position (dim,) in `names` of the parameter that each column belongs to."""
        ends = np.cumsum(np.bincount(self.owner)).tolist()
        self._slices = {name: slice(*part) for name, part in zip(self.names, pairwise([0, *ends]), strict=True)}
        self._center_row = np.concatenate([self._encode_value(p, p.center) for p in read])
        self._conditional = [p for p in read if p.when is not None]

    def __len__(self) -> int:
        return len(self.names)

    def __repr__(self) -> str:
        return f"SearchSpace({', '.join(f'{name}: {p.distribution}' for name, p in self.parameters.items())})"

    # -- configurations and rows --------------------------------------------------------------------------------------

    def encode(self, flat: Flat) -> Array:
        """The row (dim,) of a flat configuration. Values out of bounds extrapolate; missing ones are at their center.

        Raises SpaceError for unknown names and values of another type.
        """
        self._known(flat)
        row = self._center_row.copy()
        for name, value in flat.items():
            if self._active(name, flat):
                row[self._slices[name]] = self._encode_value(self.parameters[name], self.parameters[name].typed(value))
        return row

    def encode_many(self, points: Sequence[Flat]) -> Array:
        """Rows (n, dim)."""
        return np.stack([self.encode(p) for p in points]) if len(points) else np.zeros((0, self.dim))

    def decode(self, row: npt.ArrayLike) -> dict[str, Value]:
        """The flat configuration at a row (dim,): within bounds, on the grids, inactive parameters absent."""
        unit = np.asarray(row, dtype=np.float64)
        values: dict[str, Value] = {}
        for name, parameter in self.parameters.items():
            part = unit[self._slices[name]]
            if parameter.coordinate is None:
                assert parameter.values is not None
                values[name] = parameter.values[int(part.argmax())]
            else:
                values[name] = parameter.at(float(part[0]))
        return {name: value for name, value in values.items() if self._active(name, values)}

    def snap(self, rows: npt.ArrayLike) -> Array:
        """Rows (n, dim) moved to what ``decode`` would run: clipped, on the grids, inactive ones at their center."""
        snapped: Array = np.clip(np.asarray(rows, dtype=np.float64), 0.0, 1.0)
        if snapped.ndim != 2:
            raise ValueError(f"rows: has shape {snapped.shape}; give (n, {self.dim})")
        for name, parameter in self.parameters.items():
            part = self._slices[name]
            if parameter.coordinate is None:
                chosen = snapped[:, part].argmax(axis=1)
                snapped[:, part] = np.eye(len(parameter.values or ()))[chosen]
            elif parameter.coordinate.cells:
                column = self.columns[part.start]
                snapped[:, part.start] = column.to_units(column.to_cells(snapped[:, part.start]))
        for parameter in self._conditional:
            part = self._slices[parameter.path]
            inactive = ~self._active_rows(parameter, snapped)
            snapped[inactive, part] = self._center_row[part]
        return snapped

    def center(self) -> dict[str, Value]:
        """The search center, exactly as it was written."""
        return conditions.center(self.parameters)

    @property
    def center_unit(self) -> Array:
        """The search center's row (dim,)."""
        return self._center_row.copy()

    def box(self, center_row: npt.ArrayLike, width: float = 1.0) -> tuple[Array, Array]:
        """(low, high), each (dim,): ``scale * width`` to either side of a row in [-1, 1], clipped."""
        row = np.asarray(center_row, dtype=np.float64)
        half = np.array([self.parameters[c.parameter].half_width * width / 2.0 for c in self.columns])
        low, high = np.clip(row - half, 0.0, 1.0), np.clip(row + half, 0.0, 1.0)
        onehot = np.array([c.kind == "onehot" for c in self.columns])
        return np.where(onehot, 0.0, low), np.where(onehot, 1.0, high)

    # -- identity -----------------------------------------------------------------------------------------------------

    def key(self, flat: Flat) -> Hashable:
        """Equal for configurations that run the same."""
        active = (n for n in self.names if n in flat and self._active(n, flat))
        return tuple((n, type(v).__name__, v) for n in active for v in (self.parameters[n].typed(flat[n]),))

    @property
    def cells(self) -> int | None:
        """How many different configurations there are; None when a parameter is continuous."""
        total = 1
        for name, parameter in self.parameters.items():
            values = self._all_values(parameter)
            if not values:
                return None
            if parameter.when is None:
                parent = any(p.when is not None and p.when.parameter == name for p in self._conditional)
                total *= sum(self._choices(name, value) for value in values) if parent else len(values)
        return total

    def enumerate(self, limit: int) -> list[dict[str, Value]]:
        """At most ``limit`` configurations of a finite space, each once. Raises SpaceError for an infinite one."""
        if self.cells is None:
            raise SpaceError("a space with continuous parameters cannot be enumerated")
        return list(islice(self._all(), limit))

    # -- configurations from people -----------------------------------------------------------------------------------

    def flatten(self, nested: Flat) -> dict[str, Any]:
        """Nested or flat to flat."""
        return paths.flatten(nested)

    def unflatten(self, flat: Flat) -> dict[str, Any]:
        """Flat to nested."""
        return paths.unflatten(flat)

    def validate(self, flat: Flat) -> None:
        """Raises SpaceError for unknown names and values of another type; bounds do not matter here."""
        self.typed(flat)

    def typed(self, flat: Flat) -> dict[str, Value]:
        """The values in the types of their parameters. Raises SpaceError as ``validate`` does."""
        self._known(flat)
        return {name: self.parameters[name].typed(value) for name, value in flat.items()}

    def require_inside(self, flat: Flat) -> None:
        """Check that all active parameters are there and within their bounds. Raises SpaceError."""
        for name, parameter in self.parameters.items():
            if name in flat:
                value = parameter.typed(flat[name])
                if not parameter.inside(value):
                    bounds = f"[{parameter.min:g}, {parameter.max:g}]"
                    raise SpaceError(f"{value!r} is outside {bounds}; pass strict=False to learn from it anyway", name)
            elif self._active(name, flat):
                raise SpaceError("is missing; add it, or pass strict=False to assume the search center", name)

    def complete(self, flat: Flat) -> dict[str, Value]:
        """``flat`` with its active gaps filled with the search center, typed, in the space's order."""
        typed = self.typed(flat)
        values = {name: typed.get(name, parameter.center) for name, parameter in self.parameters.items()}
        return {n: v for n, v in values.items() if n in flat or self._active(n, values)}

    # -- inside -------------------------------------------------------------------------------------------------------

    def _known(self, flat: Flat) -> None:
        unknown = [n for n in flat if n not in self.parameters]
        if unknown:
            raise SpaceError(f"unknown parameter; known are {', '.join(self.names)}", str(unknown[0]))

    def _active(self, name: str, flat: Flat) -> bool:
        return conditions.is_active(name, flat, self.parameters)

    def _active_rows(self, parameter: Parameter, rows: Array) -> Mask:
        assert parameter.when is not None
        parent = self.parameters[parameter.when.parameter]
        part = self._slices[parent.path]
        wanted = np.stack([self._encode_value(parent, parent.typed(v)) for v in parameter.when.values])
        distance = np.abs(rows[:, None, part] - wanted[None, :, :]).max(axis=2)
        active: Mask = (distance < 1e-9).any(axis=1)
        return active

    def _encode_value(self, parameter: Parameter, value: Value) -> Array:
        if parameter.coordinate is not None:
            return np.array([parameter.coordinate.to_unit(value)])
        assert parameter.values is not None
        return np.array([1.0 if same(v, value) else 0.0 for v in parameter.values])

    def _all_values(self, parameter: Parameter) -> Sequence[Value]:
        return parameter.values or () if parameter.coordinate is None else parameter.coordinate.cells

    def _choices(self, parent: str, value: Value) -> int:
        """Combinations of the conditional parameters below one value of ``parent``."""
        total = 1
        for child in self._conditional:
            if child.when is not None and child.when.parameter == parent:
                total *= len(self._all_values(child)) if any(same(v, value) for v in child.when.values) else 1
        return total

    def _all(self) -> Iterator[dict[str, Value]]:
        free = [n for n, p in self.parameters.items() if p.when is None]
        for chosen in product(*(tuple(self._all_values(self.parameters[n])) for n in free)):
            flat = dict(zip(free, chosen, strict=True))
            children = [p.path for p in self._conditional if self._active(p.path, flat)]
            for inner in product(*(tuple(self._all_values(self.parameters[n])) for n in children)):
                both = {**flat, **dict(zip(children, inner, strict=True))}
                yield {n: both[n] for n in self.names if n in both}


def _leaves(config: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """(path, configuration) of every parameter, nested or dotted."""
    if not isinstance(config, Mapping):
        raise SpaceError(f"{config!r} must be a map", prefix.rstrip(".") or "parameters")
    for key, value in config.items():
        path = f"{prefix}{key}"
        if isinstance(value, Parameter) or (isinstance(value, Mapping) and _is_parameter(value)):
            yield path, value
        elif isinstance(value, Mapping):
            yield from _leaves(value, f"{path}.")
        else:
            raise SpaceError(f"{value!r} is not a parameter; write a map with `distribution`", path)


def _is_parameter(value: Mapping[str, Any]) -> bool:
    return isinstance(value.get("distribution"), str) or (
        bool(value) and not any(isinstance(v, Mapping) for v in value.values())
    )


def _columns(parameter: Parameter) -> list[Column]:
    if parameter.coordinate is None:
        levels = len(parameter.values or ())
        return [Column(parameter, "onehot") for _ in range(levels)]
    return [Column(parameter, "grid" if parameter.coordinate.cells else "continuous")]
