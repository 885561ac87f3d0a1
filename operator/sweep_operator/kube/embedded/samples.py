"""Typical bodies without data of users, which make the bodies of similar objects compressible."""

from __future__ import annotations

import json

from sweep_operator.kube.protocol import Kind


def _condition(type_: str, reason: str, message: str) -> dict[str, str]:
    return {
        "type": type_,
        "status": "True",
        "reason": reason,
        "message": message,
        "lastTransitionTime": "2026-01-01T00:00:00.000000Z",
    }


_RUN = {
    "apiVersion": "metta.ai/v1alpha1",
    "kind": "SweepRun",
    "metadata": {
        "name": ".r.0",
        "namespace": "default",
        "labels": {
            "metta.ai/sweep": "",
            "metta.ai/sweep-uid": "",
            "app.kubernetes.io/managed-by": "sweep-operator",
        },
        "ownerReferences": [
            {
                "apiVersion": "metta.ai/v1alpha1",
                "kind": "Sweep",
                "name": "",
                "uid": "",
                "controller": True,
                "blockOwnerDeletion": True,
            }
        ],
        "uid": "",
        "creationTimestamp": "2026-01-01T00:00:00.000000Z",
        "generation": 1,
        "resourceVersion": "1",
    },
    "spec": {
        "sweepName": "",
        "index": 0,
        "origin": "model",
        "parameters": {},
        "prediction": {"score": 0, "scoreStd": 0, "cost": 0, "costStd": 0},
        "provenance": {
            "observations": 0,
            "pending": "",
            "pendingRuns": [],
            "throughIndex": 0,
            "digest": "",
            "version": "0.1.0 numpy-2. scipy-1. torch-2. gpytorch-1.",
        },
        "stop": False,
    },
    "status": {
        "runName": ".r.0",
        "seed": 1,
        "fixed": {},
        "templateHash": "",
        "train": {
            "jobName": "-r-0-train-1",
            "attempt": 1,
            "failures": 0,
            "preemptions": 0,
            "startTime": "2026-01-01T00:00:00.000000Z",
            "completionTime": "2026-01-01T00:00:00.000000Z",
            "seconds": 0.0,
            "exitCode": 0,
            "attempts": [{"n": 1, "podUID": "", "seconds": 0.0, "class": "succeeded"}],
        },
        "eval": {"attempt": 0, "failures": 0, "preemptions": 0, "seconds": 0, "attempts": []},
        "score": 0,
        "cost": 0.0,
        "metrics": {"peakMemoryBytes": 0},
        "conditions": [
            _condition("Finished", "Completed", "score 0.0, cost 0.0"),
            _condition("Observed", "Learned", "the optimizer learns from it"),
            _condition("Succeeded", "Completed", "score 0.0, cost 0.0"),
            _condition("TrainSucceeded", "Completed", "trained"),
        ],
    },
}

SAMPLES = {Kind.SWEEP_RUN: json.dumps(_RUN, separators=(",", ":")).encode()}
