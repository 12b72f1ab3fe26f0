// The same as in `npm test`, but each fault goes on for a while.
process.env.FAULT_TIMES ??= '25';
await import('./nth-store-call.test.ts');
