"""Protein, Random and Sobol keep the contract of optimizers."""

from __future__ import annotations

from typing import Any

from protein import Protein, Random, Sobol
from protein.base import BaseOptimizer
from tests.protein.optimizer_conformance import OptimizerConformance


class TestRandom(OptimizerConformance):
    def make(self, space: Any, **options: Any) -> BaseOptimizer:
        return Random(space, **options)


class TestSobol(OptimizerConformance):
    def make(self, space: Any, **options: Any) -> BaseOptimizer:
        return Sobol(space, **options)


class TestProtein(OptimizerConformance):
    def make(self, space: Any, **options: Any) -> BaseOptimizer:
        return Protein(space, **options)
