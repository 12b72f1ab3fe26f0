import { PosthornError } from '../../core/errors.ts';
import type {
  Announcement,
  Clock,
  OwnedShard,
  Ownership,
  TakenShard,
  Timer,
  Wake,
} from '../../core/ports.ts';
import { SHARDS } from '../../core/shards.ts';
import type { NodeLease } from './node-lease.ts';
import { type NodeShard, NodeShards } from './node-shards.ts';
import { within } from './time-limit.ts';

/** The engine or the engines of this node, wherever they run; each answers when it has acted. */
export interface ShardServer {
  own(shards: readonly TakenShard[]): Promise<void>;
  /** Answers which of them had nothing in progress at the end. */
  release(shards: readonly number[], limitMs: number): Promise<number[]>;
  lose(shards: readonly number[]): Promise<void>;
  woken(wakes: readonly Wake[]): Promise<void>;
}

export interface NodePorts {
  ownership: Ownership;
  clock: Clock;
  lease: NodeLease;
  server: ShardServer;
  announcements: { bug: Announcement<{ where: string; error: unknown }> };
}

export interface NodeSettings {
  id: string;
  leaseMs: number;
  /** How long a shard that moves to another node may wait for what is in progress. */
  releaseLimitMs: number;
}

/** A part of a lease is not used: clocks do not run alike, and a call takes its time. */
const MARGIN_PART = 1 / 10;
const RENEWALS_PER_LEASE = 3;
const RETRY_MS = 500;
const POLL_MS = 500;
const WAKES_PAGE = 1_000;
/** Shards that move away at once: what is theirs stands still for a moment, and not everything does. */
const LEAVING_MAX = 4;

/**
 * One node among others: renews its lease, takes its share of the shards, gives up what is above it, and
 * hears what others have left for it.
 *
 * - `out`: before `join` and after `leave`;
 * - `in`: takes and gives up shards;
 * - `staying`: is about to leave; keeps what it has, its lease too, and takes nothing more.
 *
 * When the store cannot be used it tries again, for ever; meanwhile the lease runs out by itself, and
 * without a lease the engine starts nothing.
 *
 * A lease that has run out may be renewed as long as nobody has taken the shards. Then, before it is valid
 * again, two things come first. What was taken meanwhile is lost to the engine, or it would go on with it.
 * And what others have left is acted upon: while there was no lease they did not wait for this node to
 * hear of a change, because it started nothing.
 */
export class Node {
  readonly #ports: NodePorts;
  readonly #settings: NodeSettings;
  readonly #shards = new NodeShards();
  #state: 'out' | 'in' | 'staying' = 'out';
  #renewal: Timer | null = null;
  #round: Promise<void> = Promise.resolve();
  #poll: Timer | null = null;
  #isPolling = false;
  #isHastened = false;

  constructor(ports: NodePorts, settings: NodeSettings) {
    this.#ports = ports;
    this.#settings = settings;
  }

  /** Returns when it has tried once; when that was in vain it goes on trying. */
  async join(): Promise<void> {
    if (this.#state !== 'out') return;
    this.#state = 'in';
    this.#pollAfter(POLL_MS);
    await this.#nextRound();
  }

  /** Takes no shard any more, and gives none up: it is about to leave. */
  stay(): void {
    if (this.#state === 'in') this.#state = 'staying';
  }

  /** The engine has ended; `drained`: with nothing in progress. What cannot be written now, the end of the lease says. */
  async leave({ drained }: { drained: boolean }): Promise<void> {
    if (this.#state === 'out') return;
    this.#state = 'out';
    this.#renewal?.cancel();
    this.#poll?.cancel();
    await this.#round;
    this.#ports.lease.end();
    const { ownership } = this.#ports;
    const { id } = this.#settings;
    const all = this.#shards.all();
    this.#shards.remove(all);
    await this.#tried(async () => {
      await this.#asked(ownership.release(id, all, { drained }));
      await this.#asked(ownership.leave(id));
    });
  }

  /** Somebody says that there is something to read: the truth is what is read. */
  hasten(): void {
    if (this.#state === 'out') return;
    this.#isHastened = true;
    if (!this.#isPolling) void this.#pollNow();
  }

  /** Whether the shard is this node's beyond doubt: with a lease, nobody else can have taken it. */
  owns(shard: number): boolean {
    return this.#ports.lease.isValid() && this.#shards.keeps(shard);
  }

  /** Whether the engine may start something for this shard, or may have been about to. */
  serves(shard: number): boolean {
    return this.#shards.has(shard);
  }

  // -------------------------------------------------------------------------------------------
  // Rounds

  #nextRound(): Promise<void> {
    this.#round = this.#renew();
    return this.#round;
  }

  async #renew(): Promise<void> {
    const { clock } = this.#ports;
    const sentAt = clock.monotonic();
    const isDone = await this.#tried(() => this.#renewSince(sentAt));
    if (this.#state === 'out') return;
    const everyMs = this.#settings.leaseMs / RENEWALS_PER_LEASE;
    const waitMs = isDone ? sentAt + everyMs - clock.monotonic() : Math.min(RETRY_MS, everyMs);
    this.#renewal = clock.after(Math.max(0, waitMs), () => void this.#nextRound());
  }

  async #renewSince(sentAt: number): Promise<void> {
    const { ownership, lease } = this.#ports;
    const { id, leaseMs } = this.#settings;
    const knownBefore = this.#shards.numbers();
    const { owned, nodes, free } = await this.#asked(ownership.renew({ id, leaseMs }));
    await this.#notice(owned, knownBefore);
    if (!lease.isValid()) await this.#hearAll();
    lease.extend(sentAt + leaseMs * (1 - MARGIN_PART));
    for (const shard of this.#shards.in('given_up')) void this.#tellReleased(shard);
    if (this.#state === 'in') await this.#balance(nodes, free);
    this.#tellTaken();
  }

  /** What the rows say is so. */
  async #notice(rows: readonly OwnedShard[], knownBefore: ReadonlySet<number>): Promise<void> {
    const lost = this.#shards.lostAfter(rows);
    // Before it is forgotten here: until the engine knows of it the lease must not be valid again.
    if (lost.length > 0) await this.#asked(this.#ports.server.lose(lost.map(({ shard }) => shard)));
    this.#shards.remove(lost);
    for (const row of this.#shards.unknownOf(rows, knownBefore)) {
      this.#shards.add({ ...row, drained: false });
    }
  }

  async #balance(nodes: number, free: number): Promise<void> {
    const share = Math.ceil(SHARDS / Math.max(1, nodes));
    const { kept } = this.#shards;
    const wanted = Math.min(share - kept.length, free);
    if (wanted > 0) {
      const { ownership } = this.#ports;
      const taken = await this.#asked(ownership.take(this.#settings.id, wanted));
      for (const one of taken) this.#shards.add(one);
      return;
    }
    const canLeave = LEAVING_MAX - (this.#shards.all().length - kept.length);
    const above = Math.max(0, Math.min(kept.length - share, canLeave));
    // The newest first: what is settled somewhere stays there.
    for (const shard of kept.slice(kept.length - above)) void this.#giveUp(shard);
  }

  // -------------------------------------------------------------------------------------------
  // What the engine is told; none of it is waited for in a round, because it may take longer than a lease

  #tellTaken(): void {
    const taken = this.#shards.in('taken');
    if (taken.length === 0) return;
    for (const shard of taken) shard.state = 'loading';
    void this.#tellOwned(taken);
  }

  async #tellOwned(taken: readonly NodeShard[]): Promise<void> {
    const isDone = await this.#tried(() => this.#ports.server.own(taken.map(asTaken)));
    for (const shard of taken) {
      if (shard.state === 'loading') shard.state = isDone ? 'owned' : 'taken';
    }
  }

  async #giveUp(shard: NodeShard): Promise<void> {
    const { server } = this.#ports;
    shard.state = 'leaving';
    shard.drained = false;
    await this.#tried(async () => {
      const drained = await server.release([shard.shard], this.#settings.releaseLimitMs);
      shard.drained = drained.includes(shard.shard);
    });
    shard.state = 'given_up';
    await this.#tellReleased(shard);
  }

  async #tellReleased(shard: NodeShard): Promise<void> {
    const { ownership } = this.#ports;
    const { drained } = shard;
    await this.#tried(async () => {
      await this.#asked(ownership.release(this.#settings.id, [asOwned(shard)], { drained }));
      this.#shards.remove([shard]);
    });
  }

  // -------------------------------------------------------------------------------------------
  // What others have left

  #pollAfter(ms: number): void {
    this.#poll?.cancel();
    this.#poll = this.#ports.clock.after(ms, () => void this.#pollNow());
  }

  async #pollNow(): Promise<void> {
    if (this.#isPolling) return;
    this.#isPolling = true;
    do {
      this.#isHastened = false;
      await this.#tried(() => this.#hearAll());
    } while (this.#isHastened && this.#state !== 'out');
    this.#isPolling = false;
    if (this.#state !== 'out') this.#pollAfter(POLL_MS);
  }

  async #hearAll(): Promise<void> {
    while (await this.#hearPage());
  }

  /** Acts upon what was left, and then forgets it, in this order; answers whether there may be more. */
  async #hearPage(): Promise<boolean> {
    const { ownership, server } = this.#ports;
    const shards = this.#shards.all().map(asOwned);
    if (shards.length === 0) return false;
    const wakes = await this.#asked(ownership.wakes(shards, WAKES_PAGE));
    if (wakes.length === 0) return false;
    await this.#asked(server.woken(wakes));
    await this.#asked(ownership.forgetWakes(wakes, shards));
    return wakes.length === WAKES_PAGE;
  }

  // -------------------------------------------------------------------------------------------

  #asked<Result>(asked: Promise<Result>): Promise<Result> {
    return within(this.#ports.clock, this.#settings.leaseMs, asked);
  }

  /** Whether it was done; what was not is tried again later. */
  async #tried(act: () => Promise<void>): Promise<boolean> {
    try {
      await act();
      return true;
    } catch (error) {
      if (!(error instanceof PosthornError)) {
        this.#ports.announcements.bug.publish({ where: `node ${this.#settings.id}`, error });
      }
      return false;
    }
  }
}

function asOwned({ shard, epoch }: OwnedShard): OwnedShard {
  return { shard, epoch };
}

function asTaken({ shard, epoch, drained }: TakenShard): TakenShard {
  return { shard, epoch, drained };
}
