"""Protein, Random and Sobol keep the contract of optimizers."""

from __future__ import annotations

from typing import Any

from protein import Protein, Random, Sobol
from protein.base import Optimizer
from tests.protein.optimizer_conformance import OptimizerConformance


class TestRandom(OptimizerConformance):
    def make(self, space: Any, **options: Any) -> Optimizer:
        return Random(space, **options)


class TestSobol(OptimizerConformance):
    def make(self, space: Any, **options: Any) -> Optimizer:
        return Sobol(space, **options)


class TestProtein(OptimizerConformance):
    def make(self, space: Any, **options: Any) -> Optimizer:
        return Protein(space, **options)
