import type { Trigger } from '../core/model.ts';
import type {
  DueDelivery,
  DueEvent,
  NewDelivery,
  NewEvent,
  NewEvents,
  Settlement,
} from '../core/ports.ts';

/**
 * What passes between threads for each event and each delivery, as flat lists. In a message an object takes
 * the name of each of its members along, each time; as a list it takes a third of the time, and what
 * many of them share is there once. Each list is written and read here alone, member by member.
 */
export type Packed = readonly unknown[];

const TRIGGERS: readonly Trigger[] = ['schedule', 'manual', 'test'];

export function packPublish({ accountId, webhooksVersion, once, events }: NewEvents): Packed {
  const list: unknown[] = [accountId, webhooksVersion, once];
  for (const { id, type, createdAt, body, deliveries } of events) {
    list.push(id, type, createdAt, body, deliveries.length);
    for (const { id, webhookId } of deliveries) list.push(id, webhookId);
  }
  return list;
}

export function unpackPublish(list: Packed): NewEvents {
  const accountId = list[0] as string;
  const events: NewEvent[] = [];
  for (let at = 3; at < list.length; ) {
    const id = list[at] as string;
    const type = list[at + 1] as string;
    const createdAt = list[at + 2] as number;
    const body = list[at + 3] as string;
    const end = at + 5 + 2 * (list[at + 4] as number);
    const deliveries: NewDelivery[] = [];
    for (at += 5; at < end; at += 2) {
      deliveries.push({ id: list[at] as string, webhookId: list[at + 1] as string });
    }
    events.push({ accountId, id, type, createdAt, body, deliveries });
  }
  const webhooksVersion = list[1] as NewEvents['webhooksVersion'];
  return { accountId, webhooksVersion, once: list[2] as NewEvents['once'], events };
}

const SETTLEMENT_MEMBERS = 16;

export function packSettlements(settlements: readonly Settlement[]): Packed {
  const list: unknown[] = [];
  for (const settlement of settlements) {
    const { seq, epoch, accountId, webhookId, deliveryId, attempt } = settlement;
    const { id, number, startedAt, responseCode, responseTimeMs, responseBody } = attempt;
    list.push(seq, epoch, accountId, webhookId, deliveryId, id, number, startedAt, responseCode);
    list.push(responseTimeMs, responseBody, attempt.failure, attempt.note);
    list.push(settlement.firstTry, settlement.status, settlement.dueAt);
  }
  return list;
}

export function unpackSettlements(list: Packed): Settlement[] {
  const settlements: Settlement[] = [];
  for (let at = 0; at < list.length; at += SETTLEMENT_MEMBERS) {
    settlements.push({
      seq: list[at] as number,
      epoch: list[at + 1] as number,
      accountId: list[at + 2] as string,
      webhookId: list[at + 3] as string,
      deliveryId: list[at + 4] as string,
      attempt: {
        id: list[at + 5] as string,
        number: list[at + 6] as number,
        startedAt: list[at + 7] as number,
        responseCode: list[at + 8] as number | null,
        responseTimeMs: list[at + 9] as number | null,
        responseBody: list[at + 10] as string | null,
        failure: list[at + 11] as Settlement['attempt']['failure'],
        note: list[at + 12] as Settlement['attempt']['note'],
      },
      firstTry: list[at + 13] as Settlement['firstTry'],
      status: list[at + 14] as Settlement['status'],
      dueAt: list[at + 15] as number | null,
    });
  }
  return settlements;
}

/** Events, webhooks and, by their places in those, the deliveries. */
export type PackedDeliveries = [events: Packed, webhooks: Packed, rows: Packed];

const EVENT_MEMBERS = 3;
const DELIVERY_MEMBERS = 8;

/** Deliveries of one event that come one after the other share it on the other side too. */
export function packDeliveries(deliveries: readonly DueDelivery[]): PackedDeliveries {
  const events: unknown[] = [];
  const webhooks: unknown[] = [];
  const rows: unknown[] = [];
  const places = new Map<string, number>();
  let last: DueEvent | null = null;
  for (const delivery of deliveries) {
    const { event, webhookId } = delivery;
    if (event !== last) events.push(event.id, event.type, event.body);
    last = event;
    let place = places.get(webhookId);
    if (place === undefined) {
      place = webhooks.length;
      places.set(webhookId, place);
      webhooks.push(webhookId, delivery.accountId);
    }
    const { seq, id, attemptCount, dueAt, epoch } = delivery;
    const trigger = TRIGGERS.indexOf(delivery.trigger);
    rows.push(seq, id, place, events.length - EVENT_MEMBERS, trigger, attemptCount, dueAt, epoch);
  }
  return [events, webhooks, rows];
}

export function unpackDeliveries([events, webhooks, rows]: PackedDeliveries): DueDelivery[] {
  const shared: DueEvent[] = [];
  for (let at = 0; at < events.length; at += EVENT_MEMBERS) {
    const [id, type, body] = [events[at], events[at + 1], events[at + 2]];
    shared.push({ id: id as string, type: type as string, body: body as string });
  }
  const deliveries: DueDelivery[] = [];
  for (let at = 0; at < rows.length; at += DELIVERY_MEMBERS) {
    const place = rows[at + 2] as number;
    const delivery: DueDelivery = {
      seq: rows[at] as number,
      accountId: webhooks[place + 1] as string,
      id: rows[at + 1] as string,
      webhookId: webhooks[place] as string,
      event: shared[(rows[at + 3] as number) / EVENT_MEMBERS] as DueEvent,
      trigger: TRIGGERS[rows[at + 4] as number] as Trigger,
      attemptCount: rows[at + 5] as number,
      dueAt: rows[at + 6] as number,
    };
    const epoch = rows[at + 7] as number | undefined;
    if (epoch !== undefined) delivery.epoch = epoch;
    deliveries.push(delivery);
  }
  return deliveries;
}
