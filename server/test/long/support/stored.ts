import assert from 'node:assert/strict';
import type { DatabaseContents } from '../../system/support/database-contents.ts';
import type { KeyedPublisher } from '../../system/support/keyed-publisher.ts';
import type { Node } from '../../system/support/nodes.ts';
import { isLoad, type LoadSeen } from './load-seen.ts';

interface Published {
  contents: DatabaseContents;
  nodes: readonly Node[];
  load: LoadSeen;
  orders: readonly { publisher: KeyedPublisher }[];
  rate: { publisher: KeyedPublisher };
}

/** Each accepted event is stored once and as it was published; no others are, but for unclear ones. */
export async function storedAsPublished(published: Published): Promise<void> {
  const { contents, nodes, load, orders, rate } = published;
  const unclear = new Set(
    nodes.flatMap((node) => [...node.load.unanswered, ...node.load.undecided]),
  );
  const keyed = [...orders, rate].map(({ publisher }) => publisher);
  const keyedStored = new Map(keyed.map(({ type }) => [type, 0]));
  let accepted = 0;
  for await (const bodies of contents.bodyPages()) {
    for (const body of bodies) {
      const event = JSON.parse(body);
      const stored = keyedStored.get(event.type);
      if (stored !== undefined) {
        keyedStored.set(event.type, stored + 1);
        continue;
      }
      assert.ok(isLoad(event), `stored otherwise than published: ${body}`);
      const { number } = event.data;
      if (load.isAccepted(number)) accepted += 1;
      // One without an answer, or with one that does not say, may be stored, but only once.
      else assert.ok(unclear.delete(number), `stored twice, or should not be: ${number}`);
    }
  }
  assert.equal(accepted, load.accepted, 'accepted events that are stored');
  for (const publisher of keyed) {
    // The one that was being published at the end may be there without an answer.
    const more = (keyedStored.get(publisher.type) ?? 0) - publisher.accepted;
    assert.ok(more === 0 || more === 1, `${publisher.type}: ${more} more than accepted`);
  }
}
