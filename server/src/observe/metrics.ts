import { monitorEventLoopDelay, performance } from 'node:perf_hooks';
import { NO_ROUTE, TRANSACTION_OUTCOMES } from '../core/announcements.ts';
import { type Histogram, Instruments, type MetricReport, type Readings } from './instruments.ts';
import { type Listeners, listen, type Message } from './listen.ts';
import {
  ATTEMPT_OUTCOMES,
  ENDED_STATUSES,
  ENGINE_REASONS,
  type ThreadName,
  TRIGGERS,
} from './metric-definitions.ts';

/** What one thread measures: what it announces, and what is read when it is asked. */
export interface ThreadMetrics {
  report(): MetricReport[];
  /** Listens no more. */
  stop(): void;
}

/** The delivery thread's: attempts and their settlement. */
export function startDeliveryMetrics(readings: Readings): ThreadMetrics {
  const instruments = ofThread('delivery', readings);
  const attempt = countAttempts(instruments);
  const settleAttempts = instruments.histogram('settle_attempts', {});
  const settleSeconds = instruments.histogram('settle_seconds', {});
  const failures = instruments.counter('settle_failures_total', {});
  const headsFailed = instruments.counter('heads_failed_total', {});
  const unheard = instruments.counter('unheard_total', {});
  const fenced = instruments.counter('fenced_total', {});
  return listening(instruments, {
    attempt,
    webhookDisabled: countDisabled(instruments),
    headFailed: () => headsFailed.add(),
    unheard: () => unheard.add(),
    fenced: () => fenced.add(),
    settled({ attempts, durationMs }) {
      settleAttempts.observe(attempts);
      settleSeconds.observe(durationMs / 1_000);
    },
    settleFailed: () => failures.add(),
  });
}

/** The store thread's: transactions. */
export function startStoreMetrics(): ThreadMetrics {
  const instruments = ofThread('store');
  return listening(instruments, { transaction: countTransactions(instruments) });
}

export interface Build {
  version: string;
  node: string;
}

/** The main thread's: requests, and the process as a whole. */
export function startMainMetrics(readings: Readings, build: Build): ThreadMetrics {
  const instruments = ofThread('main', readings);
  const loop = monitorEventLoopDelay();
  loop.enable();
  instruments.reading('event_loop_delay_seconds', {}, () => {
    const seconds = loop.count === 0 ? 0 : loop.percentile(99) / 1e9;
    loop.reset();
    return seconds;
  });
  readProcess(instruments, build);
  const { report, stop } = listening(instruments, { request: timeRequests(instruments) });
  return {
    report,
    stop() {
      loop.disable();
      stop();
    },
  };
}

function ofThread(thread: ThreadName, readings?: Readings): Instruments {
  const instruments = new Instruments();
  if (readings !== undefined) instruments.readings(readings);
  const busySeconds = () => performance.eventLoopUtilization().active / 1_000;
  instruments.reading('thread_busy_seconds_total', { thread }, busySeconds);
  return instruments;
}

function listening(instruments: Instruments, listeners: Listeners): ThreadMetrics {
  const bugs = instruments.counter('bugs_total', {});
  const stop = listen({ ...listeners, bug: () => bugs.add() });
  return { report: () => instruments.report(), stop };
}

function countAttempts(instruments: Instruments): (message: Message<'attempt'>) => void {
  const count = (outcome: string) =>
    mapOf(TRIGGERS, (trigger) => instruments.counter('attempts_total', { outcome, trigger }));
  const outcomes = mapOf(ATTEMPT_OUTCOMES, count);
  const ended = mapOf(ENDED_STATUSES, (status) =>
    instruments.counter('deliveries_ended_total', { status }),
  );
  const responses = instruments.histogram('attempt_response_seconds', {});
  const waits = instruments.histogram('attempt_wait_seconds', {});

  return ({ attempt: { failure, responseTimeMs }, trigger, status, waitMs }) => {
    outcomes[failure ?? 'delivered'][trigger].add();
    if (status === 'delivered' || status === 'failed') ended[status].add();
    if (responseTimeMs !== null) responses.observe(responseTimeMs / 1_000);
    // The clock may have been set back meanwhile.
    if (waitMs !== null) waits.observe(Math.max(0, waitMs) / 1_000);
  };
}

function countDisabled(instruments: Instruments): (message: Message<'webhookDisabled'>) => void {
  const reasons = mapOf(ENGINE_REASONS, (reason) =>
    instruments.counter('webhooks_disabled_total', { reason }),
  );
  return ({ reason }) => {
    if (reason !== 'owner') reasons[reason].add();
  };
}

function countTransactions(instruments: Instruments): (message: Message<'transaction'>) => void {
  const outcomes = mapOf(TRANSACTION_OUTCOMES, (outcome) =>
    instruments.counter('store_transactions_total', { outcome }),
  );
  const calls = instruments.histogram('store_transaction_calls', {});
  const transactions = instruments.histogram('store_transaction_seconds', {});
  const syncs = instruments.histogram('store_sync_seconds', {});
  const events = instruments.counter('store_events_total', {});
  const deliveries = instruments.counter('store_deliveries_total', {});

  return (ended) => {
    outcomes[ended.outcome].add();
    if (ended.outcome === 'committed') calls.observe(ended.calls);
    transactions.observe(ended.durationMs / 1_000);
    if (ended.syncMs !== null) syncs.observe(ended.syncMs / 1_000);
    events.add(ended.events);
    deliveries.add(ended.deliveries);
  };
}

/** A series is made when its first request is answered: there are as many as routes and statuses. */
function timeRequests(instruments: Instruments): (message: Message<'request'>) => void {
  const known = new Map<string, Histogram>();

  return ({ route, method: asked, status, durationMs }) => {
    // Of a request for nothing that exists, not even the method is ours to choose.
    const method = route === NO_ROUTE ? 'any' : asked;
    const statusClass = STATUS_CLASSES[Math.floor(status / 100)] ?? 'other';
    const key = `${statusClass} ${method} ${route}`;
    let series = known.get(key);
    if (series === undefined) {
      const labels = { method, route, status: statusClass };
      series = instruments.histogram('http_request_seconds', labels);
      known.set(key, series);
    }
    series.observe(durationMs / 1_000);
  };
}

const STATUS_CLASSES = ['other', '1xx', '2xx', '3xx', '4xx', '5xx'];

function readProcess(instruments: Instruments, build: Build): void {
  instruments.reading('process_resident_memory_bytes', {}, () => process.memoryUsage.rss());
  instruments.reading('process_uptime_seconds', {}, () => process.uptime());
  instruments.reading('process_cpu_seconds_total', {}, () => {
    const { user, system } = process.cpuUsage();
    return (user + system) / 1e6;
  });
  instruments.reading('build_info', { version: build.version, node: build.node }, () => 1);
}

function mapOf<Key extends string, Value>(
  keys: readonly Key[],
  make: (key: Key) => Value,
): Record<Key, Value> {
  return Object.fromEntries(keys.map((key) => [key, make(key)])) as Record<Key, Value>;
}
