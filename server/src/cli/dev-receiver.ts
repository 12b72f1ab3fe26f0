import { hkdfSync } from 'node:crypto';
import { PosthornError } from '../core/errors.ts';
import { DEFAULT_ACCOUNT_ID } from '../core/ids.ts';
import type { Webhook } from '../core/model.ts';
import { DEV_RECEIVER_PATH } from '../http/dev/dev-pages.ts';
import { DevReceiver } from '../http/dev/dev-receiver.ts';
import type { RunningServer } from './start.ts';

/** Its secret follows from the encryption key, so that it is the same after a restart. */
export function createDevReceiver(encryptionKey: Uint8Array): DevReceiver {
  const bytes = hkdfSync('sha256', encryptionKey, '', 'posthorn dev receiver', 32);
  return new DevReceiver(`whsec_${Buffer.from(bytes).toString('base64')}`);
}

/** Subscribes the built-in receiver to everything, once; after a change of port it moves along. */
export async function registerDevReceiver(
  { url, service }: RunningServer,
  receiver: DevReceiver,
): Promise<void> {
  const receiverUrl = url + DEV_RECEIVER_PATH;
  try {
    const known = await findWebhook(service.webhooks.list.bind(service.webhooks));
    if (known === null) {
      await service.webhooks.create(DEFAULT_ACCOUNT_ID, {
        url: receiverUrl,
        events: ['*'],
        secret: receiver.secret,
        description: 'The built-in receiver of posthorn dev; delete it when you have your own.',
      });
    } else if (known.url !== receiverUrl) {
      await service.webhooks.update(DEFAULT_ACCOUNT_ID, known.id, { url: receiverUrl });
    }
  } catch (error) {
    // Settings may forbid loopback or http even here; then there is no built-in receiver.
    if (!(error instanceof PosthornError)) throw error;
    console.error(`The built-in receiver is not used: ${error.message}`);
  }
}

async function findWebhook(
  list: RunningServer['service']['webhooks']['list'],
): Promise<Webhook | null> {
  let after: string | undefined;
  do {
    const { items, hasMore } = await list(DEFAULT_ACCOUNT_ID, { limit: 100, after });
    const known = items.find((webhook) => new URL(webhook.url).pathname === DEV_RECEIVER_PATH);
    if (known !== undefined) return known;
    after = hasMore ? items.at(-1)?.id : undefined;
  } while (after !== undefined);
  return null;
}
