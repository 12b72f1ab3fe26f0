"""One JSON line for each thing that happened; never a secret, a signature or the event's data."""

import json
from datetime import datetime, timezone


def log(message, **fields):
    at = datetime.now(timezone.utc).isoformat()
    print(json.dumps({"at": at, "message": message, **fields}), flush=True)
