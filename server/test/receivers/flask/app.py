"""A webhook receiver in Flask that verifies as the documentation shows it.

WEBHOOK_SECRET  what the sender signs with
FAIL_FIRST      how many genuine requests are answered with 500 before the first 200

It prints where it listens. GET /verdicts tells what it made of each request, in their order.
"""

import hashlib
import hmac
import os

from flask import Flask, jsonify, request
from werkzeug.serving import make_server

SECRET = os.environ["WEBHOOK_SECRET"]
FAIL_FIRST = int(os.environ["FAIL_FIRST"])

app = Flask(__name__)
verdicts = []


def signature_of(text, secret):
    return "sha256=" + hmac.digest(secret.encode(), text.encode(), "sha256").hex()


def is_genuine(text, signature, secret):
    return hmac.compare_digest(signature_of(text, secret), signature)


@app.post("/webhooks")
def receive():
    # The bytes through text and back: the documented way, which only valid UTF-8 survives.
    text = request.data.decode()
    genuine = is_genuine(text, request.headers["X-Webhook-Signature"], SECRET)
    verdicts.append(
        {
            "genuine": genuine,
            "attempt": request.headers["X-Webhook-Attempt"],
            "bytes": len(request.data),
            "sha256": hashlib.sha256(request.data).hexdigest(),
            # Nothing is read from a body that anyone may have sent.
            "event_id": request.json["id"] if genuine else None,
        }
    )
    if not genuine:
        return "Invalid signature", 401
    if sum(verdict["genuine"] for verdict in verdicts) <= FAIL_FIRST:
        return "Not yet", 500
    return "OK", 200


@app.get("/verdicts")
def tell():
    return jsonify(verdicts)


if __name__ == "__main__":
    # One request at a time, hence no lock around the verdicts.
    server = make_server("127.0.0.1", 0, app)
    print(f"listening on http://127.0.0.1:{server.server_port}", flush=True)
    server.serve_forever()
