import { createReceiver } from '@posthorn/receiver';
import { nextHandler } from '@posthorn/receiver/next';

export const runtime = 'edge';

const receiver = createReceiver({ secrets: 'your_webhook_secret' })
  .on('*', () => {})
  .onError(() => {});

export const POST = nextHandler(receiver);
