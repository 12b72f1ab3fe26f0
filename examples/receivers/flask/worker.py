"""The worker: celery --app worker worker"""

import base64
import hashlib
import json
import os

from celery import Celery
from celery.exceptions import Reject
from redis import Redis

from log import log

REDIS_URL = os.environ.get("REDIS_URL", "redis://127.0.0.1:6379/0")
REMEMBERED_S = 7 * 24 * 3600
WORKING_S = 600
# Less than WORKING_S: a worker holds what it is to try later, and it would be given to another too.
RETRY_S_MAX = 300

celery = Celery("receiver", broker=REDIS_URL)
celery.conf.update(
    # A task that a worker did not finish goes back to the queue.
    task_acks_late=True,
    task_reject_on_worker_lost=True,
    task_ignore_result=True,
    # What a worker that was killed had taken is given to another after this long.
    # No limit for an answer of Redis: after one that came too late a worker would take nothing more.
    broker_transport_options={"visibility_timeout": WORKING_S, "socket_keepalive": True},
    worker_prefetch_multiplier=1,
    worker_hijack_root_logger=False,
    worker_redirect_stdouts=False,
    broker_connection_retry_on_startup=True,
)
redis = Redis.from_url(REDIS_URL, socket_timeout=2)


@celery.task(bind=True, max_retries=None)
def work(self, event_id, text):
    try:
        if work_once(event_id, base64.b64decode(text)):
            return
        wait_s = 1
    except Exception as error:
        log("failed", event_id=event_id, error=str(error))
        wait_s = min(2**self.request.retries, RETRY_S_MAX)
    try:
        self.retry(countdown=wait_s)
    except Reject as error:
        # Celery drops what it cannot put back; this way Redis gives it to another worker.
        raise Reject(error.reason, requeue=True) from error


def work_once(event_id, body):
    """Whoever holds `working` may, and `handled` says that it is done. False while another does it."""
    if redis.exists(f"handled:{event_id}"):
        log("duplicate", event_id=event_id)
        return True
    if not redis.set(f"working:{event_id}", "1", nx=True, ex=WORKING_S):
        return False
    try:
        # Asked again: between the question and the claim another worker may have ended.
        if not redis.exists(f"handled:{event_id}"):
            handle(body)
            redis.set(f"handled:{event_id}", "1", ex=REMEMBERED_S)
            log("done", event_id=event_id)
    finally:
        redis.delete(f"working:{event_id}")
    return True


def handle(body):
    """Yours to write. It may run twice when a worker dies at its end, so let its effect repeat."""
    event = json.loads(body)
    sha256 = hashlib.sha256(body).hexdigest()
    log("handled", event_id=event["id"], event_type=event["type"], bytes=len(body), sha256=sha256)
