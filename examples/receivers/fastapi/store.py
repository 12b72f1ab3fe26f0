"""A durable queue in one file that also knows which events have come before."""

import sqlite3
import threading
import time

REMEMBERED_S = 7 * 24 * 3600
RETRY_S_MAX = 3600


class EventQueue:
    def __init__(self, file):
        # A writer elsewhere is waited for; later than that the sender had better come again.
        self._db = sqlite3.connect(file, timeout=1, isolation_level=None, check_same_thread=False)
        self._lock = threading.Lock()
        self._db.executescript(
            """
            pragma journal_mode = wal;
            pragma synchronous = full;
            create table if not exists events (
              id text primary key,
              body blob not null,
              due real not null,
              failures integer not null default 0,
              handled real
            );
            create index if not exists events_due on events (due) where handled is null;
            """
        )

    def add(self, event_id, body):
        """On the disk when this returns, whichever it was: 'queued' or 'duplicate'."""
        added = self._run(
            """
            insert into events (id, body, due)
            values (?, ?, ?)
            on conflict (id) do nothing
            returning id
            """,
            (event_id, body, time.time()),
        )
        return "queued" if added else "duplicate"

    def next(self):
        """The event that is due first as (id, body), or None."""
        rows = self._run(
            """
            select id, body
            from events
            where handled is null and due <= ?
            order by due
            limit 1
            """,
            (time.time(),),
        )
        return rows[0] if rows else None

    def mark_handled(self, event_id):
        self._run("update events set handled = ? where id = ?", (time.time(), event_id))

    def postpone(self, event_id):
        """Due again after 1 s, 2 s, 4 s ... up to an hour."""
        self._run(
            """
            update events
            set failures = failures + 1,
              due = ? + min(1 << min(failures, 20), ?)
            where id = ?
            """,
            (time.time(), RETRY_S_MAX, event_id),
        )

    def forget_old(self):
        self._run("delete from events where handled < ?", (time.time() - REMEMBERED_S,))

    def _run(self, sql, values):
        # One connection for the threads that asyncio lends us.
        with self._lock:
            return self._db.execute(sql, values).fetchall()
