// `npm run example:account`: the account API, and a Posthorn in dev mode unless one runs or is named.
import { type AccountApi, startAccountApi } from './account-api.ts';
import { findPosthorn, type Posthorn } from './posthorn.ts';

const {
  ACCOUNT_PORT: port = '4800',
  ACCOUNT_DATABASE_URL: databaseUrl = 'sqlite:.posthorn/account.db',
} = process.env;

// npm and the terminal may both pass one Ctrl-C on: what comes after the first changes nothing.
const stopped = Promise.withResolvers<'asked to'>();
let isAskedToStop = false;
for (const signal of ['SIGINT', 'SIGTERM']) {
  process.on(signal, () => {
    isAskedToStop = true;
    stopped.resolve('asked to');
  });
}

const posthorn = await findPosthorn(process.env).catch((error) => {
  // Ctrl-C in a terminal has reached a Posthorn that was starting too.
  if (isAskedToStop) process.exit(0);
  throw error;
});
try {
  const api = await startAccountApi({
    databaseUrl,
    port: Number(port),
    posthorn,
    report: (message) => console.error(message),
  });
  console.log(welcome(api, posthorn));
  const reason = await Promise.race([stopped.promise, posthorn.ended]);
  await Promise.all([api.stop(), posthorn.stop()]);
  if (reason === 'asked to') console.log('Stopped. What is unsent is sent after the next start.');
  else throw new Error('Posthorn ended, so the account API did too.');
} finally {
  await posthorn.stop();
}

function welcome({ url }: AccountApi, { url: posthornUrl }: Posthorn): string {
  const user = '{"name":"John Doe","email":"john@example.com"}';
  return `
The account API is running at ${url}

  OpenAPI    ${url}/openapi.json
  Posthorn   ${posthornUrl}/ (in dev mode that page shows what arrives)

Create a user, and a user.created is on its way:

  curl -X POST ${url}/users -H "Content-Type: application/json" -d '${user}'

Ctrl-C stops it.`;
}
