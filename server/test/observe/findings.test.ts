import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startDeliveryMetrics } from '../../src/observe/metrics.ts';
import { metricsText } from '../../src/observe/metrics-text.ts';
import { createAnnouncements } from '../../src/platform/announcements.ts';
import { parse } from './support/metrics-text.ts';

const WEBHOOK = { accountId: 'acc_1', webhookId: 'wh_1' };

test('what the engine found out about webhooks is counted', async (t) => {
  const announcements = createAnnouncements();
  const metrics = startDeliveryMetrics(() => ({}));
  t.after(metrics.stop);
  for (const reason of ['failing', 'gone', 'gone', 'backlog_full', 'owner'] as const) {
    announcements.webhookDisabled.publish({ ...WEBHOOK, reason });
  }
  announcements.headFailed.publish({ ...WEBHOOK, deliveryId: 'del_1' });
  announcements.fenced.publish({ ...WEBHOOK, deliveryId: 'del_1', number: 1 });
  announcements.unheard.publish({ ...WEBHOOK, dueAt: 0 });
  announcements.unheard.publish({ ...WEBHOOK, dueAt: 0 });

  const { samples } = parse((await metricsText([metrics.report()], { silent: 0 })).text);
  const counted = [...samples].filter(([name]) => /disabled|heads|unheard|fenced/.test(name));
  assert.deepEqual(Object.fromEntries(counted), {
    'posthorn_webhooks_disabled_total{reason="failing"}': 1,
    'posthorn_webhooks_disabled_total{reason="gone"}': 2,
    'posthorn_webhooks_disabled_total{reason="backlog_full"}': 1,
    posthorn_heads_failed_total: 1,
    posthorn_unheard_total: 2,
    posthorn_fenced_total: 1,
  });
});
