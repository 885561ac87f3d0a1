"""Small real trainings whose learning curves are recorded: linear models, networks, boosting and policy gradients.

A training yields its validation score after each epoch. The last parameter of every space is the number of epochs,
which no schedule depends on: the curve of a full training contains all shorter ones.
"""

from __future__ import annotations

import functools
import itertools
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from tests.bench.optimizer.space import Array, Dim, Space

Params = Mapping[str, Any]
Scores = Iterator[float]
Data = tuple[Array, Array, Array, Array]
"""Inputs and targets for training, then for validation. The targets of a classification are one-hot."""


@dataclass(frozen=True)
class Training:
    """A training: its space, and a function of parameters and a generator. half: "tune" or "report"."""

    name: str
    half: str
    space: Space
    run: Callable[[Params, np.random.Generator], Scores]

    @property
    def epochs(self) -> int:
        """Number of epochs of a full training."""
        return int(self.space.dims[-1].max)


def _epochs(most: int) -> Dim:
    return Dim("epochs", "int_log_normal", 1, most, max(most // 8, 2))


def _split(x: Array, y: Array) -> Data:
    order = np.random.default_rng(0).permutation(len(x))
    cut = len(x) * 2 // 3
    train, test = order[:cut], order[cut:]
    center, deviation = x[train].mean(axis=0), x[train].std(axis=0) + 1e-9
    x = (x - center) / deviation
    return x[train], y[train], x[test], y[test]


@functools.cache
def digits() -> Data:
    """scikit-learn's handwritten digits."""
    from sklearn.datasets import load_digits

    x, y = load_digits(return_X_y=True)
    return _split(x, np.eye(10)[y])


@functools.cache
def cancer() -> Data:
    """scikit-learn's breast cancer data."""
    from sklearn.datasets import load_breast_cancer

    x, y = load_breast_cancer(return_X_y=True)
    return _split(x, y.astype(float))


@functools.cache
def clusters() -> Data:
    """Generated: 6 overlapping classes of 4 clusters each in 40 dimensions, a tenth of the labels wrong."""
    rng = np.random.default_rng(11)
    centers = rng.normal(0.0, 1.0, (24, 40)) * (np.arange(40) < 12)
    group = rng.integers(24, size=1500)
    x = centers[group] * 1.2 + rng.normal(size=(1500, 40))
    label = np.where(rng.random(1500) < 0.1, rng.integers(6, size=1500), group % 6)
    return _split(x, np.eye(6)[label])


@functools.cache
def friedman() -> Data:
    """Generated: Friedman's first function in 10 dimensions, with noise; the target has mean 0 and variance 1."""
    rng = np.random.default_rng(12)
    x = rng.random((900, 10))
    y = 10 * np.sin(np.pi * x[:, 0] * x[:, 1]) + 20 * (x[:, 2] - 0.5) ** 2 + 10 * x[:, 3] + 5 * x[:, 4]
    y = y + rng.normal(size=len(y))
    return _split(x, (y - y.mean()) / y.std())


def network(p: Params, rng: np.random.Generator, data: Data, *, classes: bool) -> Scores:
    """SGD with momentum on a network of one hidden layer; without `hidden` on a linear model.

    Yields the accuracy on the validation data, or R^2.
    """
    x, y, x_test, y_test = data if classes else (data[0], data[1][:, None], data[2], data[3][:, None])
    sizes = [x.shape[1], *([int(p["hidden"])] if "hidden" in p else []), y.shape[1]]
    weights = [rng.normal(0.0, 1.0 / np.sqrt(a), (a, b)) for a, b in itertools.pairwise(sizes)]
    biases = [np.zeros(b) for b in sizes[1:]]
    speed = [np.zeros_like(w) for w in [*weights, *biases]]
    rate, batch, decay, momentum = p["learning_rate"], int(p["batch"]), p["l2"], p["momentum"]

    def forward(z: Array) -> list[Array]:
        layers = [z]
        for w, b in zip(weights[:-1], biases[:-1], strict=True):
            layers.append(np.maximum(layers[-1] @ w + b, 0.0))
        return [*layers, layers[-1] @ weights[-1] + biases[-1]]

    while True:
        order = rng.permutation(len(x))
        for i in range(0, len(x), batch):
            rows = order[i : i + batch]
            layers = forward(x[rows])
            out = layers.pop()
            if classes:
                out = np.exp(out - out.max(axis=1, keepdims=True))
                out /= out.sum(axis=1, keepdims=True)
            pull = (out - y[rows]) / len(rows)
            for j in range(len(weights) - 1, -1, -1):
                slopes = layers[j].T @ pull + decay * weights[j], pull.sum(axis=0)
                pull = (pull @ weights[j].T) * (layers[j] > 0)
                for k, target, slope in ((j, weights[j], slopes[0]), (j + len(weights), biases[j], slopes[1])):
                    speed[k] *= momentum
                    speed[k] -= rate * slope
                    target += speed[k]
        out = forward(x_test)[-1]
        if classes:
            yield float((out.argmax(axis=1) == y_test.argmax(axis=1)).mean())
        else:
            yield 1.0 - float(((out - y_test) ** 2).mean() / y_test.var())


def boosting(p: Params, rng: np.random.Generator, data: Data, *, classes: bool) -> Scores:
    """Gradient boosting with regression trees. Yields minus the log loss on the validation data, or R^2."""
    from sklearn.tree import DecisionTreeRegressor

    x, y, x_test, y_test = data
    raw, raw_test = np.zeros(len(x)), np.zeros(len(x_test))
    while True:
        target = y - 1 / (1 + np.exp(-raw)) if classes else y - raw
        rows = rng.permutation(len(x))[: max(int(p["subsample"] * len(x)), 10)]
        tree = DecisionTreeRegressor(
            max_depth=int(p["depth"]),
            min_samples_leaf=int(p["leaf"]),
            max_features=float(p["features"]),
            random_state=int(rng.integers(2**31)),
        ).fit(x[rows], target[rows])
        rate = p["learning_rate"] * (4.0 if classes else 1.0)
        raw += rate * tree.predict(x)
        raw_test += rate * tree.predict(x_test)
        if classes:
            yield -float(np.logaddexp(0.0, -np.where(y_test > 0.5, raw_test, -raw_test)).mean())
        else:
            yield 1.0 - float(((raw_test - y_test) ** 2).mean() / y_test.var())


class CartPole:
    """Sutton and Barto's cart and pole, many at once; at most 200 steps of reward 1."""

    observations, actions, horizon = 4, 2, 200

    def reset(self, count: int, rng: np.random.Generator) -> Array:
        self.state = rng.uniform(-0.05, 0.05, (count, 4))
        return self.state

    def step(self, action: Array, rng: np.random.Generator) -> tuple[Array, Array, Array]:
        """Observations, rewards, and which ones ended."""
        x, v, angle, spin = self.state.T
        force = np.where(action == 1, 10.0, -10.0)
        sin, cos = np.sin(angle), np.cos(angle)
        push = (force + 0.05 * spin**2 * sin) / 1.1
        turn = (9.8 * sin - cos * push) / (0.5 * (4.0 / 3.0 - 0.1 * cos**2 / 1.1))
        drive = push - 0.05 * turn * cos / 1.1
        self.state = np.stack([x + 0.02 * v, v + 0.02 * drive, angle + 0.02 * spin, spin + 0.02 * turn], axis=1)
        over = (np.abs(self.state[:, 0]) > 2.4) | (np.abs(self.state[:, 2]) > 0.2095)
        return self.state, np.ones(len(x)) / 200, over


class Reach:
    """A mass in the plane that is pushed in one of five ways towards a target, against wind."""

    observations, actions, horizon = 4, 5, 60
    _PUSH = np.array([[0.0, 0.0], [1.0, 0.0], [-1.0, 0.0], [0.0, 1.0], [0.0, -1.0]])

    def reset(self, count: int, rng: np.random.Generator) -> Array:
        self.state = np.concatenate([rng.uniform(-1, 1, (count, 2)), np.zeros((count, 2))], axis=1)
        return self.state

    def step(self, action: Array, rng: np.random.Generator) -> tuple[Array, Array, Array]:
        """Observations, rewards, and which ones ended."""
        place, speed = self.state[:, :2], self.state[:, 2:]
        wind = rng.normal(0.0, 0.03, speed.shape)
        speed = 0.95 * speed + 0.06 * self._PUSH[action] + wind
        self.state = np.concatenate([place + 0.1 * speed * 5, speed], axis=1)
        distance = np.sqrt((self.state[:, :2] ** 2).sum(axis=1))
        return self.state, np.exp(-3 * distance) / self.horizon, np.zeros(len(place), dtype=bool)


def _episodes(
    world: CartPole | Reach, weights: list[Array], count: int, rng: np.random.Generator
) -> tuple[Array, Array, Array, Array]:
    """Observations (t, n, d), actions, rewards and whether the episode was still going on, (t, n) each."""
    seen, taken, gained, alive = [], [], [], []
    state, live = world.reset(count, rng), np.ones(count, dtype=bool)
    for _ in range(world.horizon):
        logits = np.tanh(state @ weights[0]) @ weights[1]
        action = (logits + rng.gumbel(size=logits.shape)).argmax(axis=1)
        seen.append(state)
        taken.append(action)
        state, reward, over = world.step(action, rng)
        gained.append(reward * live)
        alive.append(live)
        live = live & ~over
        if not live.any():
            break
    return np.array(seen), np.array(taken), np.array(gained), np.array(alive)


def policy_gradient(p: Params, rng: np.random.Generator, world: CartPole | Reach) -> Scores:
    """REINFORCE with a learned baseline and Adam. Yields the mean return of the last 32 episodes after each update."""
    hidden, episodes = int(p["hidden"]), int(p["episodes"])
    shapes = [(world.observations, hidden), (hidden, world.actions), (hidden, 1)]
    weights = [rng.normal(0.0, s, shape) for s, shape in zip((1.0, 0.01, 0.01), shapes, strict=True)]
    first, second, count = [np.zeros(s) for s in shapes], [np.zeros(s) for s in shapes], 0
    returns: deque[float] = deque(maxlen=32)
    while True:
        seen, taken, rewards, mask = _episodes(world, weights, episodes, rng)
        returns.extend(rewards.sum(axis=0).tolist())
        yield sum(returns) / len(returns)
        back, running = np.zeros_like(rewards), np.zeros(episodes)
        for t in range(len(rewards) - 1, -1, -1):
            running = rewards[t] + p["gamma"] * running
            back[t] = running
        for _ in range(int(p["passes"])):
            count += 1
            slopes = _slopes(weights, seen[mask], taken[mask], back[mask], p["entropy"])
            for j, slope in enumerate(slopes):
                first[j] = 0.9 * first[j] + 0.1 * slope
                second[j] = 0.999 * second[j] + 0.001 * slope**2
                move = first[j] / (1 - 0.9**count) / (np.sqrt(second[j] / (1 - 0.999**count)) + 1e-8)
                weights[j] = weights[j] - p["learning_rate"] * move


def _slopes(weights: list[Array], x: Array, action: Array, gained: Array, entropy: float) -> list[Array]:
    """The gradient of the policy's and the baseline's losses."""
    inner = np.tanh(x @ weights[0])
    logits = inner @ weights[1]
    chance = np.exp(logits - logits.max(axis=1, keepdims=True))
    chance /= chance.sum(axis=1, keepdims=True)
    gain = gained - (inner @ weights[2])[:, 0]
    scaled = (gain - gain.mean()) / (gain.std() + 1e-8)
    log = np.log(chance + 1e-9)
    bonus = entropy * chance * (log - (chance * log).sum(1)[:, None])
    pull = (chance - np.eye(logits.shape[1])[action]) * scaled[:, None] + bonus
    pull_value = -2 * gain[:, None]
    inside = (pull @ weights[1].T + pull_value @ weights[2].T) * (1 - inner**2)
    return [slope / len(x) for slope in (x.T @ inside, inner.T @ pull, inner.T @ pull_value)]


def _network(name: str, half: str, data: Callable[[], Data], epochs: int, *, hidden: bool, classes: bool) -> Training:
    layer = [Dim("hidden", "uniform_pow2", 4, 128, 16)] if hidden else []
    space = [
        *layer,
        Dim("learning_rate", "log_normal", 1e-4, 1.0, 1e-2),
        Dim("batch", "uniform_pow2", 16, 256, 64),
        Dim("l2", "log_normal", 1e-6, 1.0, 1e-3),
        Dim("momentum", "logit_normal", 0.3, 0.99, 0.8),
        _epochs(epochs),
    ]
    return Training(name, half, Space(space), lambda p, rng: network(p, rng, data(), classes=classes))


def _boosting(name: str, half: str, data: Callable[[], Data], epochs: int, *, classes: bool) -> Training:
    space = [
        Dim("learning_rate", "log_normal", 3e-3, 1.0, 0.05),
        Dim("depth", "int_uniform", 1, 10, 3),
        Dim("leaf", "int_log_normal", 1, 64, 5),
        Dim("features", "uniform", 0.1, 1.0, 0.5),
        Dim("subsample", "uniform", 0.2, 1.0, 0.7),
        _epochs(epochs),
    ]
    return Training(name, half, Space(space), lambda p, rng: boosting(p, rng, data(), classes=classes))


def _policy(name: str, half: str, world: type[CartPole] | type[Reach], epochs: int) -> Training:
    space = [
        Dim("learning_rate", "log_normal", 1e-4, 0.3, 3e-3),
        Dim("gamma", "logit_normal", 0.5, 0.999, 0.95),
        Dim("entropy", "log_normal", 1e-5, 0.3, 1e-2),
        Dim("hidden", "uniform_pow2", 4, 64, 16),
        Dim("passes", "int_uniform", 1, 6, 2),
        Dim("episodes", "uniform_pow2", 4, 32, 8),
        _epochs(epochs),
    ]
    return Training(name, half, Space(space), lambda p, rng: policy_gradient(p, rng, world()))


TRAININGS = {
    t.name: t
    for t in (
        _network("mlp-digits", "tune", digits, 60, hidden=True, classes=True),
        _network("sgd-clusters", "report", clusters, 120, hidden=False, classes=True),
        _boosting("boosting-cancer", "tune", cancer, 400, classes=True),
        _boosting("boosting-friedman", "report", friedman, 500, classes=False),
        _policy("policy-cartpole", "tune", CartPole, 60),
        _policy("policy-reach", "report", Reach, 120),
        _network("mlp-clusters", "tune", clusters, 60, hidden=True, classes=True),
        _network("mlp-friedman", "report", friedman, 500, hidden=True, classes=False),
    )
}
