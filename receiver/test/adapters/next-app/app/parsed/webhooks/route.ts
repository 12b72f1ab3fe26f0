import { nextHandler } from '@posthorn/receiver/next';
import type { NextRequest } from 'next/server';
import { receiver } from '../../receiver';

const handle = nextHandler(receiver);

/** As one must not: what reads the request leaves nothing to verify. */
export async function POST(request: NextRequest): Promise<Response> {
  await request.json();
  return await handle(request);
}
