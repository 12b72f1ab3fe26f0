"""One JSON line for each thing that happened; never a secret, a signature or the event's data."""

import json
import sys
from datetime import datetime, timezone


def log(message, **fields):
    at = datetime.now(timezone.utc).isoformat()
    # In one piece: `print` writes the line's end apart, and another thread may come between.
    sys.stdout.write(json.dumps({"at": at, "message": message, **fields}) + "\n")
    sys.stdout.flush()
