"""When the API server shows what happened to someone who only watches."""

from __future__ import annotations

import json
import subprocess
import threading
import time

from tests.cluster.cluster import Cluster


class Onlooker:
    """Watches the pods of a namespace while the block runs.

    The watch cache of an API server that has too little processor time can be seconds late. No operator knows earlier
    than an onlooker that a pod has ended.
    """

    def __init__(self, cluster: Cluster, namespace: str) -> None:
        self._command = cluster.command("get", "--raw", f"/api/v1/namespaces/{namespace}/pods?watch=1")
        self.ended: dict[str, float] = {}
        """By pod: when its end was shown, in seconds since the epoch."""

    def __enter__(self) -> Onlooker:
        self._watch = subprocess.Popen(self._command, stdout=subprocess.PIPE, text=True)
        self._thread = threading.Thread(target=self._look)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._watch.kill()
        self._watch.wait()
        self._thread.join()

    def _look(self) -> None:
        assert self._watch.stdout is not None
        for line in self._watch.stdout:
            if not line.endswith("\n"):  # the watch was ended meanwhile
                return
            pod = json.loads(line)["object"]
            if pod.get("status", {}).get("phase") in ("Succeeded", "Failed"):
                self.ended.setdefault(pod["metadata"]["name"], time.time())
