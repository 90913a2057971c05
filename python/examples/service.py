"""A service of which one instance does the work: ``LEADER_ELECTION_STORE=redis://... uvicorn service:app``."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncGenerator
from typing import Any

import elect.aio
from fastapi import FastAPI, HTTPException


async def aggregate(term: elect.aio.Term) -> None:
    """The leader's work: a task, which is cancelled when the term ends."""
    while True:
        print(f"aggregated in epoch {term.epoch}")
        await asyncio.sleep(60)


@contextlib.asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncGenerator[None, None]:
    election = elect.aio.LeaderElection.from_env("service")
    app.state.election = election
    work = asyncio.create_task(election.run(aggregate, keep_standing=True))
    try:
        yield
    finally:
        await election.stop()  # the work ends, and then another instance may lead
        await work


app = FastAPI(lifespan=lifespan)


@app.get("/health/leader")
async def leader() -> dict[str, Any]:
    """For people and monitoring. No liveness probe: restarting this instance mends no election. It asks no store."""
    election: elect.aio.LeaderElection = app.state.election
    info = election.leader_info
    if info is None:
        raise HTTPException(500, "nobody leads")
    return {
        "is_leader": election.is_leader,
        "instance_id": election.instance_id,
        "leader_info": json.loads(info.to_json()),
    }
