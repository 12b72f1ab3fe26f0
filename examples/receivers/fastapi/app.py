"""Verifies, puts the event on the disk, answers, and works it off afterwards. See README.md."""

import asyncio
import contextlib
import hashlib
import json
import os
import socket
import time

import uvicorn
from fastapi import FastAPI, Request, Response

from log import log
from store import EventQueue
from verify import event_id_of, is_documented, is_standard

SECRETS = os.environ["WEBHOOK_SECRET"].split()
WORKER = os.environ.get("WORKER", "on")
BODY_BYTES_MAX = 1_048_576
FORGET_S = 3600

queue = EventQueue(os.environ.get("QUEUE_FILE", "events.sqlite"))
arrived = asyncio.Event()


@contextlib.asynccontextmanager
async def lifespan(_app):
    worker = asyncio.create_task(work()) if WORKER != "off" else None
    yield
    if worker is not None:
        worker.cancel()


app = FastAPI(lifespan=lifespan, openapi_url=None)


@app.post("/webhooks")
async def receive(request: Request):
    return await answer(request, is_standard)


@app.post("/webhooks/documented")
async def receive_documented(request: Request):
    return await answer(request, is_documented)


async def answer(request, is_genuine):
    """Only what is stored is answered 200; the sender keeps all else and comes again."""
    body = await bounded_body(request)
    if body is None:
        return Response(status_code=413)
    if not is_genuine(body, request.headers, SECRETS):
        log("refused", path=request.url.path)
        return Response("Invalid signature", status_code=401)
    event_id = event_id_of(body)
    if event_id is None:
        return Response("Not an event", status_code=400)
    try:
        log(await asyncio.to_thread(queue.add, event_id, body), event_id=event_id)
    except Exception as error:
        log("queue failed", event_id=event_id, error=str(error))
        return Response(status_code=503)
    arrived.set()
    return Response(status_code=200)


async def bounded_body(request):
    """The bytes as they came, or None where there are too many."""
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > BODY_BYTES_MAX:
            return None
    return bytes(body)


async def work():
    forgotten_at = 0.0
    while True:
        arrived.clear()
        try:
            while (row := await asyncio.to_thread(queue.next)) is not None:
                await handle_one(*row)
            if time.monotonic() - forgotten_at > FORGET_S:
                await asyncio.to_thread(queue.forget_old)
                forgotten_at = time.monotonic()
        except Exception as error:
            log("queue failed", error=str(error))
        # What was postponed is looked for once a second.
        with contextlib.suppress(TimeoutError, asyncio.TimeoutError):
            await asyncio.wait_for(arrived.wait(), 1)


async def handle_one(event_id, body):
    try:
        await handle(body)
    except Exception as error:
        log("failed", event_id=event_id, error=str(error))
        await asyncio.to_thread(queue.postpone, event_id)
        return
    await asyncio.to_thread(queue.mark_handled, event_id)
    log("done", event_id=event_id)


async def handle(body):
    """Yours to write. It may run twice when the process dies at its end: let its effect repeat."""
    event = json.loads(body)
    sha256 = hashlib.sha256(body).hexdigest()
    log("handled", event_id=event["id"], event_type=event["type"], bytes=len(body), sha256=sha256)


if __name__ == "__main__":
    listener = socket.create_server(("127.0.0.1", int(os.environ.get("PORT", "3000"))))
    print(f"listening on http://127.0.0.1:{listener.getsockname()[1]}", flush=True)
    uvicorn.Server(uvicorn.Config(app, log_level="warning")).run(sockets=[listener])
