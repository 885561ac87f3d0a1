"""How a test reaches into a server that runs as a process of its own: a few calls over HTTP, in JSON."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from aiohttp import web

if TYPE_CHECKING:
    from tests.wandb_stub.server import WandbServer

PATH = "/_control"


def calls(server: WandbServer) -> dict[str, Callable[..., Any]]:
    return {
        "runs": lambda **options: [asdict(run) for run in server.runs(**options)],
        "sweeps": lambda **options: [asdict(sweep) for sweep in server.sweeps(**options)],
        "projects": lambda: [asdict(project) for project in server.projects()],
        "requests": lambda **options: [asdict(seen) for seen in server.requests(**options)],
        "rejected": lambda: [asdict(rejected) for rejected in server.rejected()],
        "defects": lambda: [repr(error) for error in server.defects()],
        "add_fault": server.faults.add,
        "add_random_faults": server.faults.add_random,
        "clear_faults": server.faults.clear,
        "faults": server.faults.as_dict,
        "set_latency": lambda seconds: setattr(server, "latency", seconds),
    }


def add_routes(app: web.Application, server: WandbServer) -> None:
    async def call(http: web.Request) -> web.Response:
        body = await http.json()
        try:
            answer = calls(server)[body["call"]](**body["options"])
        except (KeyError, TypeError, ValueError) as error:
            return web.json_response({"error": repr(error)}, status=400)
        return web.Response(text=json.dumps({"answer": answer}), content_type="application/json")

    app.router.add_post(PATH, call)
