import { TRANSACTION_OUTCOMES } from '../core/announcements.ts';
import {
  ATTEMPT_FAILURES,
  type AttemptFailure,
  DISABLED_REASONS,
  type DisabledReason,
} from '../core/model.ts';

/** Before every name in this table. */
export const METRIC_PREFIX = 'posthorn_';

export interface MetricDefinition {
  type: 'counter' | 'gauge' | 'histogram';
  /** One sentence: the `HELP` line, and the row in docs/metrics.md. */
  help: string;
  /** Its values, or what they are where they are not a short list. Never an id, a name or a URL. */
  labels?: Readonly<Record<string, readonly string[] | string>>;
  /** Upper bounds of a histogram. */
  buckets?: readonly number[];
  /** What several processes say is added up, unless it is the highest that counts. */
  aggregator?: 'sum' | 'max';
}

export const ATTEMPT_OUTCOMES = [
  'delivered',
  ...(Object.keys(ATTEMPT_FAILURES) as AttemptFailure[]),
] as const;
export const TRIGGERS = ['schedule', 'manual', 'test'] as const;
export const ENDED_STATUSES = ['delivered', 'failed'] as const;
/** The reasons of Posthorn's own. */
export const ENGINE_REASONS = (Object.keys(DISABLED_REASONS) as DisabledReason[]).filter(
  (reason) => reason !== 'owner',
);
export const THREADS = ['main', 'store', 'delivery'] as const;
export type ThreadName = (typeof THREADS)[number];

const NETWORK_SECONDS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30];
const WAIT_SECONDS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 1_800];
const DISK_SECONDS = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5];
const BATCH_SIZES = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000];

/** Every metric there is. docs/metrics.md is checked against this table. */
export const METRICS = {
  attempts_total: {
    type: 'counter',
    help: 'Attempts that have ended and were written, by what came of them.',
    labels: { outcome: ATTEMPT_OUTCOMES, trigger: TRIGGERS },
  },
  attempt_response_seconds: {
    type: 'histogram',
    help: 'From the start of an exchange to the complete headers of its response; attempts without a response are not in it.',
    buckets: NETWORK_SECONDS,
  },
  attempt_wait_seconds: {
    type: 'histogram',
    help: 'From when a delivery was due (at first: accepted) to when its exchange began; without test calls.',
    buckets: WAIT_SECONDS,
  },
  deliveries_ended_total: {
    type: 'counter',
    help: 'Deliveries that an attempt ended: delivered, or failed for good.',
    labels: { status: ENDED_STATUSES },
  },
  webhooks_disabled_total: {
    type: 'counter',
    help: 'Webhooks that Posthorn has disabled, by the reason; without those that their owners did.',
    labels: { reason: ENGINE_REASONS },
  },
  heads_failed_total: {
    type: 'counter',
    help: 'Deliveries of webhooks with strict order that failed for good, so that the ones behind them went on.',
  },
  unheard_total: {
    type: 'counter',
    help: 'Webhooks that had something due which the engine had not heard of: a defect of Posthorn, mended.',
  },
  fenced_total: {
    type: 'counter',
    help: 'Attempts that ended after another node had taken over their webhook: not on record, and sent again by that node.',
  },
  engine_lanes: {
    type: 'gauge',
    help: 'Webhooks that the engine keeps in memory.',
  },
  engine_lanes_behind: {
    type: 'gauge',
    help: 'Webhooks that may have more due in the store than is in memory.',
  },
  engine_waiting: {
    type: 'gauge',
    help: 'Deliveries that are due and in memory, and have not started.',
  },
  engine_in_flight: {
    type: 'gauge',
    help: 'Exchanges with receivers in progress.',
  },
  engine_unsettled: {
    type: 'gauge',
    help: 'Attempts that have ended and are not written yet.',
  },
  settle_attempts: {
    type: 'histogram',
    help: 'Attempts that one call to the store wrote.',
    buckets: BATCH_SIZES,
  },
  settle_seconds: {
    type: 'histogram',
    help: 'From the call to the store that writes attempts to its answer, the wait included.',
    buckets: DISK_SECONDS,
  },
  settle_failures_total: {
    type: 'counter',
    help: 'Calls to write attempts that failed; they are repeated, and nothing new is sent meanwhile.',
  },
  store_transactions_total: {
    type: 'counter',
    help: 'Transactions that write, by how they ended.',
    labels: { outcome: TRANSACTION_OUTCOMES },
  },
  store_transaction_calls: {
    type: 'histogram',
    help: 'Calls that shared one transaction; only committed ones.',
    buckets: BATCH_SIZES,
  },
  store_transaction_seconds: {
    type: 'histogram',
    help: 'A whole transaction, from before its begin to after its commit or failure.',
    buckets: DISK_SECONDS,
  },
  store_sync_seconds: {
    type: 'histogram',
    help: 'The commit of a transaction alone, which is the sync of the disk.',
    buckets: DISK_SECONDS,
  },
  store_events_total: {
    type: 'counter',
    help: 'Events that were accepted and committed; without test events.',
  },
  store_deliveries_total: {
    type: 'counter',
    help: 'Deliveries that a commit made pending: of published events, and asked for by hand.',
  },
  store_calls_waiting: {
    type: 'gauge',
    help: 'Calls to the store that have no answer yet.',
  },
  http_request_seconds: {
    type: 'histogram',
    help: 'From a request to the end of its answer. The status is 499 when the caller went away before.',
    labels: {
      method: '`GET`, `POST`, …; `any` where the route is `(none)`',
      route: "the route's pattern, such as `/v1/webhooks/:id`; `(none)` for unknown paths",
      status: ['1xx', '2xx', '3xx', '4xx', '5xx'],
    },
    buckets: NETWORK_SECONDS,
  },
  http_requests_in_progress: {
    type: 'gauge',
    help: 'Requests under /v1 that are not answered yet.',
  },
  bugs_total: {
    type: 'counter',
    help: 'Defects of Posthorn itself that it survived; the log has each.',
  },
  thread_busy_seconds_total: {
    type: 'counter',
    help: 'Time in which the event loops of these threads were not idle; 1 per second and thread is the most.',
    labels: { thread: THREADS },
  },
  event_loop_delay_seconds: {
    type: 'gauge',
    help: 'How late the main thread was since the last scrape: the 99th percentile.',
    aggregator: 'max',
  },
  process_resident_memory_bytes: {
    type: 'gauge',
    help: 'Memory of the process, or of all that serve.',
  },
  process_cpu_seconds_total: {
    type: 'counter',
    help: 'Processor time of all threads.',
  },
  process_uptime_seconds: {
    type: 'gauge',
    help: 'Time since the process started.',
    aggregator: 'max',
  },
  build_info: {
    type: 'gauge',
    help: 'Always 1; the versions are in its labels.',
    aggregator: 'max',
    labels: { version: "Posthorn's version", node: "Node's version" },
  },
  scrape_incomplete: {
    type: 'gauge',
    help: 'Threads, or processes, that did not answer in time (a second or two): what they said last stands in for them.',
  },
} as const satisfies Record<string, MetricDefinition>;

export type MetricName = keyof typeof METRICS;
export type NameOf<Type extends MetricDefinition['type']> = {
  [Name in MetricName]: (typeof METRICS)[Name]['type'] extends Type ? Name : never;
}[MetricName];

/** One value for each label that the metric has. */
export type LabelsOf<Name extends MetricName> = (typeof METRICS)[Name] extends {
  labels: infer Labels;
}
  ? { readonly [Label in keyof Labels]: string }
  : Readonly<Record<never, string>>;
