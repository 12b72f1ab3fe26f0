"""The worker: celery --app worker worker"""

import base64
import hashlib
import json
import os

from celery import Celery
from redis import Redis

from log import log

REDIS_URL = os.environ.get("REDIS_URL", "redis://127.0.0.1:6379/0")
REMEMBERED_S = 7 * 24 * 3600
WORKING_S = 600

celery = Celery("receiver", broker=REDIS_URL)
celery.conf.update(
    # A task that a worker did not finish goes back to the queue.
    task_acks_late=True,
    task_reject_on_worker_lost=True,
    task_ignore_result=True,
    # What a worker that was killed had taken is given to another after this long.
    broker_transport_options={"visibility_timeout": WORKING_S, "socket_timeout": 2},
    worker_prefetch_multiplier=1,
    worker_hijack_root_logger=False,
    worker_redirect_stdouts=False,
    broker_connection_retry_on_startup=True,
)
redis = Redis.from_url(REDIS_URL, socket_timeout=2)


@celery.task(bind=True, max_retries=None)
def work(self, event_id, text):
    """Once per event: whoever holds `working` may, and `handled` says that it is done."""
    if redis.exists(f"handled:{event_id}"):
        log("duplicate", event_id=event_id)
        return
    if not redis.set(f"working:{event_id}", "1", nx=True, ex=WORKING_S):
        raise self.retry(countdown=1)
    try:
        # Asked again: between the question and the claim another worker may have ended.
        if not redis.exists(f"handled:{event_id}"):
            handle(base64.b64decode(text))
            redis.set(f"handled:{event_id}", "1", ex=REMEMBERED_S)
            log("done", event_id=event_id)
    except Exception as error:
        log("failed", event_id=event_id, error=str(error))
        redis.delete(f"working:{event_id}")
        raise self.retry(countdown=min(2**self.request.retries, 3600))
    redis.delete(f"working:{event_id}")


def handle(body):
    """Yours to write. It may run twice when a worker dies at its end, so let its effect repeat."""
    event = json.loads(body)
    sha256 = hashlib.sha256(body).hexdigest()
    log("handled", event_id=event["id"], event_type=event["type"], bytes=len(body), sha256=sha256)
