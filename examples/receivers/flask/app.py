"""Verifies, hands the event to Celery, answers; the worker does the rest. See README.md."""

import base64
import os

from flask import Flask, request
from waitress import create_server

from log import log
from verify import event_id_of, is_documented, is_standard
from worker import celery, work

SECRETS = os.environ["WEBHOOK_SECRET"].split()

# Without Redis a request is to fail, not to wait: its sender comes again.
celery.conf.broker_transport_options["socket_timeout"] = 2

app = Flask(__name__)
app.config["MAX_CONTENT_LENGTH"] = 1_048_576


@app.post("/webhooks")
def receive():
    return answer(is_standard(request.get_data(), request.headers, SECRETS))


@app.post("/webhooks/documented")
def receive_documented():
    return answer(is_documented(request.get_data(), request.headers, SECRETS))


def answer(genuine):
    """Only what is queued is answered 200; the sender keeps all else and comes again."""
    if not genuine:
        log("refused", path=request.path)
        return "Invalid signature", 401
    body = request.get_data()
    event_id = event_id_of(body)
    if event_id is None:
        return "Not an event", 400
    try:
        # As base64, so that the worker gets the bytes that were signed.
        work.apply_async((event_id, base64.b64encode(body).decode()), retry=False)
    except Exception as error:
        log("queue failed", event_id=event_id, error=str(error))
        return "", 503
    log("queued", event_id=event_id)
    return "", 200


if __name__ == "__main__":
    server = create_server(app, host="127.0.0.1", port=int(os.environ.get("PORT", "3000")))
    print(f"listening on http://127.0.0.1:{server.effective_port}", flush=True)
    server.run()
