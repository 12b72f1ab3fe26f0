import type { Api } from '../routes/context.ts';
import { renderDevPage } from './dev-page.ts';
import type { DevReceiver } from './dev-receiver.ts';

export const DEV_RECEIVER_PATH = '/dev/receiver';

/** Routes that only `posthorn dev` has. */
export type DevPages = (api: Api) => void;

export function createDevPages(receiver: DevReceiver): DevPages {
  return (api) => {
    api.get('/', async (request, reply) => {
      reply.header('Content-Type', 'text/html; charset=utf-8');
      reply.header('Content-Security-Policy', "default-src 'none'; style-src 'unsafe-inline'");
      reply.serializer(String);
      return renderDevPage(`${request.protocol}://${request.host}`, receiver.received);
    });

    api.register((scope, _options, done) => {
      // A receiver needs the bytes as they came: what is parsed and written again is not what was signed.
      scope.removeAllContentTypeParsers();
      scope.addContentTypeParser('*', { parseAs: 'buffer' }, (_request, body, done) =>
        done(null, body),
      );
      scope.post(DEV_RECEIVER_PATH, async (request, reply) => {
        reply.code(await receiver.receive(request.headers, request.body as Buffer));
        return { received: true };
      });
      done();
    });
  };
}
