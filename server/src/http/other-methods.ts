import { PosthornError } from '../core/errors.ts';
import type { Api } from './routes/context.ts';

const METHODS = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE'] as const;

/**
 * Answers 405 with `Allow` where a path exists but not for that method. Call it before the routes
 * of a scope are added, and what it answers after them.
 */
export function collectMethods(api: Api): () => void {
  const methodsByPath = new Map<string, Set<string>>();
  api.addHook('onRoute', ({ path, method, prefix }) => {
    const known = methodsByPath.get(path.slice(prefix.length)) ?? new Set();
    for (const one of [method].flat()) known.add(one);
    methodsByPath.set(path.slice(prefix.length), known);
  });

  return () => {
    for (const [url, allowed] of [...methodsByPath]) {
      const others = METHODS.filter((method) => !allowed.has(method));
      const allow = [...allowed].join(', ');
      api.route({
        url,
        method: others,
        handler: async (request, reply) => {
          reply.header('Allow', allow);
          const detail = `${request.method} is not allowed here; allowed: ${allow}.`;
          throw new PosthornError('method_not_allowed', detail);
        },
      });
    }
  };
}
