/**
 * Remembers which events were seen, for all processes that share it.
 *
 * An event is free, claimed or done. A claim is for one handler at a time and ends by itself after
 * its lease, so that an event whose process died is not taken for done: it is handled again.
 *
 * ```
 *          claim               commit
 *  free ──────────▶ claimed ──────────▶ done
 *   ▲                  │                  │
 *   └── release, lease ┘                  │
 *   └──────────────── kept long enough ───┘
 * ```
 */
export interface EventStore {
  /**
   * Claims a free event for `token`, which is of this attempt alone, for `leaseMs`. Of several at
   * once exactly one is told `claimed`.
   */
  claim(id: string, token: string, leaseMs: number): Promise<Claim>;
  /** Makes the event done for `keepMs`, whoever has claimed it by now: it was handled. */
  commit(id: string, token: string, keepMs: number): Promise<void>;
  /** Makes the event free if `token` still claims it, and changes nothing otherwise. */
  release(id: string, token: string): Promise<void>;
}

export type Claim =
  | { readonly outcome: 'claimed' }
  | { readonly outcome: 'done' }
  /** Somebody else's; at the latest it is free again after `freeInMs`. */
  | { readonly outcome: 'busy'; readonly freeInMs: number };
