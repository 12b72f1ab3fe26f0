import type { MessagePort } from 'node:worker_threads';
import type { DueResult, HandOver, NewEvents, Settlement } from '../core/ports.ts';
import type { StoreCall } from '../store/calls.ts';
import { type Answer, answerCalls, type Caller, createCaller } from './channel.ts';
import {
  type Packed,
  type PackedDeliveries,
  packDeliveries,
  packPublish,
  packSettlements,
  unpackDeliveries,
  unpackPublish,
  unpackSettlements,
} from './packing.ts';

type PackedCall =
  | { operation: 'publish' | 'settle'; packed: Packed }
  | { operation: StoreCall['operation']; args: StoreCall['args'] };

type PackedDue = Omit<DueResult, 'deliveries'> & { deliveries: PackedDeliveries };

/** The callers' end of the store: `handOver` gets what the store has just made pending for them. */
export function createStoreCaller(port: MessagePort, handOver: HandOver): Caller<StoreCall> {
  const { call, waiting } = createCaller<PackedCall>(port, (news) => {
    handOver(unpackDeliveries(news as PackedDeliveries));
  });
  return {
    waiting,
    call(asked) {
      const answer = call(pack(asked));
      return asked.operation === 'due' ? answer.then(unpackDue) : answer;
    },
  };
}

/** The store's end. Answers how to hand over to who is at the other one. */
export function answerStoreCalls(
  port: MessagePort,
  receive: (call: StoreCall, answer: (answer: Answer) => void) => void,
): HandOver {
  const { tell } = answerCalls<PackedCall>(port, (asked, answer) => {
    if (asked.operation !== 'due') receive(unpack(asked), answer);
    else receive(unpack(asked), (due) => answer(due.ok ? packDue(due.value) : due));
  });
  return (deliveries) => tell(packDeliveries(deliveries));
}

function pack({ operation, args }: StoreCall): PackedCall {
  switch (operation) {
    case 'publish':
      return { operation, packed: packPublish(args[0] as NewEvents) };
    case 'settle':
      return { operation, packed: packSettlements(args[0] as Settlement[]) };
    default:
      return { operation, args };
  }
}

function unpack(asked: PackedCall): StoreCall {
  if (!('packed' in asked)) return asked;
  const { operation, packed } = asked;
  const unpacked = operation === 'publish' ? unpackPublish(packed) : unpackSettlements(packed);
  return { operation, args: [unpacked] };
}

function packDue(value: unknown): Answer {
  const { deliveries, ...others } = value as DueResult;
  return { ok: true, value: { ...others, deliveries: packDeliveries(deliveries) } };
}

function unpackDue(value: unknown): DueResult {
  const { deliveries, ...others } = value as PackedDue;
  return { ...others, deliveries: unpackDeliveries(deliveries) };
}
