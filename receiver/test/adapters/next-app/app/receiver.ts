import type { RequestReceiver } from '@posthorn/receiver';

/** The app runs in the test's own process, which changes the receiver from case to case. */
export const receiver: RequestReceiver = {
  receive: (...request) => (globalThis as unknown as Tested).receiver.receive(...request),
};

interface Tested {
  receiver: RequestReceiver;
}
