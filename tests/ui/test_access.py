"""Answers of the API server about permissions are shared and kept for a minute."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import Any, cast

import pytest

from sweep_operator.kube.protocol import Kind, Unauthenticated, Unavailable
from sweep_operator.ui.access import SECONDS, Permissions, Right, TokenUser

LIST = Right("list", Kind.SWEEP, "team-a")


class Reviews:
    """Counts the questions; tokens whose name begins with ``no`` may not, ``bad`` is rejected, ``down`` fails."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, Right]] = []
        self.now, self.denied = 100.0, False
        self.permissions = Permissions(self._review, clock=lambda: self.now)

    async def _review(self, token: str, right: Right) -> bool:
        self.asked.append((token, right))
        await asyncio.sleep(0)
        if token.startswith("bad"):
            raise Unauthenticated("rejected")
        if token == "down":
            raise Unavailable("down")
        return not (self.denied or token.startswith("no"))


async def test_an_answer_is_asked_once_for_all_who_wait_and_again_after_a_minute() -> None:
    reviews = Reviews()
    assert await asyncio.gather(*(reviews.permissions.may("yes", LIST) for _ in range(5))) == [True] * 5
    reviews.now += SECONDS / 2
    assert await reviews.permissions.may("yes", LIST)
    assert reviews.asked == [("yes", LIST)]
    reviews.now += SECONDS / 2
    assert await reviews.permissions.may("yes", LIST)
    assert len(reviews.asked) == 2


async def test_tokens_and_permissions_are_kept_apart() -> None:
    reviews = Reviews()
    other = LIST._replace(namespace="team-b")
    assert await reviews.permissions.may("yes", LIST)
    assert not await reviews.permissions.may("no", LIST)
    assert await reviews.permissions.may("yes", other)
    assert len(reviews.asked) == 3


async def test_a_rejected_token_is_kept_and_a_failure_is_not() -> None:
    reviews = Reviews()
    for _ in range(2):
        with pytest.raises(Unauthenticated):
            await reviews.permissions.may("bad", LIST)
        with pytest.raises(Unavailable):
            await reviews.permissions.may("down", LIST)
    assert [token for token, _ in reviews.asked] == ["bad", "down", "down"]


async def test_a_caller_who_leaves_cancels_nobody_s_answer() -> None:
    reviews = Reviews()
    first = asyncio.create_task(reviews.permissions.may("yes", LIST))
    second = asyncio.create_task(reviews.permissions.may("yes", LIST))
    await asyncio.sleep(0)
    first.cancel()
    assert await second
    assert len(reviews.asked) == 1


async def test_what_a_stream_shows_ends_a_minute_after_a_permission() -> None:
    reviews = Reviews()
    user = TokenUser(cast(Any, None), "yes", reviews.permissions)
    assert await user.visible(["team-a", "team-b"]) == {"team-a", "team-b"}
    asked = len(reviews.asked)
    assert await user.visible(["team-b", "team-a"]) == {"team-a", "team-b"}
    assert len(reviews.asked) == asked, "a stream asks at every change"
    reviews.denied = True
    reviews.now += SECONDS
    assert await user.visible(["team-a", "team-b"]) == frozenset()


@pytest.mark.parametrize("token", ["s3cr3t", "bad s3cr3t"])
async def test_no_token_is_kept(token: str) -> None:
    reviews = Reviews()
    with suppress(Unauthenticated):
        await reviews.permissions.may(token, LIST)
    reviews.asked.clear()
    assert "s3cr3t" not in repr(vars(reviews.permissions))
    kept = [task for _, task in reviews.permissions._answers.values()]
    assert [task.exception() for task in kept] == [None], "an exception would hold the token in its frames"
