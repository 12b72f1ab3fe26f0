import { PosthornError } from '../../src/core/errors.ts';
import type { Clock, Store } from '../../src/core/ports.ts';
import type { Chance } from './chance.ts';

export interface StoreWeather {
  /** How likely a call is to take time, before it reaches the store and before its answer is heard. */
  slow: number;
  slowMsMax: number;
  /** How likely a call is to fail without having happened. */
  failing: number;
}

export const FAIR: StoreWeather = { slow: 0, slowMsMax: 0, failing: 0 };

/**
 * The real store as one life of the engine meets it: calls take time in either direction, fail, and
 * are not heard any more when that life is over, whether they happened or not.
 */
export function simulatedStore(
  store: Store,
  { clock, chance }: { clock: Clock; chance: Chance },
  around: { weather: () => StoreWeather; isOver: () => boolean },
): Store {
  const pause = (ms: number) => new Promise<void>((resolve) => clock.after(ms, resolve));
  const maybePause = async () => {
    const { slow, slowMsMax } = around.weather();
    if (chance.happens(slow)) await pause(chance.between(1, slowMsMax));
  };
  return new Proxy(store, {
    get(target, operation: keyof Store) {
      return async (...args: readonly unknown[]) => {
        await maybePause();
        if (around.isOver()) return NEVER;
        if (chance.happens(around.weather().failing)) {
          throw new PosthornError('store_unavailable', 'The simulated disk is away.');
        }
        const ask = target[operation] as (...args: readonly unknown[]) => Promise<unknown>;
        const value = await ask(...args);
        await maybePause();
        return around.isOver() ? NEVER : value;
      };
    },
  });
}

const NEVER = new Promise<never>(() => {});
