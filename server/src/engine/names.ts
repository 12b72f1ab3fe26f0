import type { Clock, Timer } from '../core/ports.ts';
import { Fifo } from './fifo.ts';
import { isOurShortage } from './send-failures.ts';

export interface ResolvedAddress {
  address: string;
  family: number;
}

export type Resolved = (error: Error | null, addresses: readonly ResolvedAddress[]) => void;

/** Asks the system for all addresses of a name; may take as long as it likes, and cannot be stopped. */
export type LookUp = (hostname: string, resolved: Resolved) => void;

export interface NamesOptions {
  /** Look-ups under way at once: each holds a thread of the process for as long as it lasts. */
  lookUpsMax: number;
}

const ENTRIES_MAX = 10_000;
const FOUND_KEPT_MS = 30_000;
const FAILED_KEPT_MS = 5_000;
const WAIT_MAX_MS = 5_000;
const PER_DOMAIN_MAX = 2;
/** Of those two, so that names of a domain which are dead leave room for those which are not. */
const PER_DOMAIN_UNPROVEN_MAX = 1;

/** Whether the last look-up that ended found something; a name that nobody has looked up is new. */
type Standing = 'proven' | 'new' | 'failing';
const STANDINGS: readonly Standing[] = ['proven', 'new', 'failing'];

interface Entry {
  hostname: string;
  domain: Domain;
  standing: Standing;
  error: Error | null;
  addresses: readonly ResolvedAddress[];
  freshUntil: number;
  isRunning: boolean;
  isQueued: boolean;
  waiting: Resolved[];
  limit: Timer | null;
}

/** The last two labels of a name: near enough to whose name servers have to answer. */
interface Domain {
  name: string;
  entries: number;
  running: number;
  runningUnproven: number;
  /** Entries that may not run while others of the domain do. */
  held: { proven: Fifo<Entry>; unproven: Fifo<Entry> };
}

/**
 * Names and their addresses. The system resolves them (hosts file, search domains, `localhost`), and
 * it holds a thread for as long as a name server is silent. So the slots are shared with care: names
 * that resolved the last time are never behind others, new ones never behind failing ones; a domain
 * has two slots at most; whoever asks for a name that is being looked up already waits with the rest.
 *
 * A look-up goes on when those who waited for it have been told that it took too long: its slot is
 * free only when it ends.
 */
export class Names {
  readonly #lookUp: LookUp;
  readonly #clock: Clock;
  /** How many may run when one of this standing begins. */
  readonly #bounds: Record<Standing, number>;
  readonly #running = { proven: 0, new: 0, failing: 0 };
  readonly #queues = {
    proven: new Fifo<Entry>(),
    new: new Fifo<Entry>(),
    failing: new Fifo<Entry>(),
  };
  /** The entry used least recently comes first. */
  readonly #entries = new Map<string, Entry>();
  readonly #domains = new Map<string, Domain>();

  constructor(ports: { lookUp: LookUp; clock: Clock }, { lookUpsMax }: NamesOptions) {
    this.#lookUp = ports.lookUp;
    this.#clock = ports.clock;
    // With the four threads of an unchanged process two look-ups run, and one is kept for the proven.
    const newMax = Math.max(1, lookUpsMax - Math.ceil(lookUpsMax / 8));
    this.#bounds = { proven: lookUpsMax, new: newMax, failing: Math.max(1, newMax >> 1) };
  }

  get size(): number {
    return this.#entries.size;
  }

  /** Never calls back before it has returned. */
  resolve(hostname: string, resolved: Resolved): void {
    const entry = this.#entry(hostname);
    if (entry === null) {
      queueMicrotask(() => resolved(failure('too many names are being looked up'), []));
      return;
    }
    if (entry.freshUntil > this.#clock.monotonic()) {
      queueMicrotask(() => resolved(entry.error, entry.addresses));
      return;
    }
    entry.waiting.push(resolved);
    entry.limit ??= this.#clock.after(WAIT_MAX_MS, () => this.#tookTooLong(entry));
    if (entry.isRunning || entry.isQueued) return;
    this.#queue(entry);
    this.#runNext();
  }

  /** Nobody is told anything any more; look-ups under way cannot be stopped. */
  close(): void {
    for (const entry of this.#entries.values()) {
      entry.limit?.cancel();
      entry.waiting = [];
    }
  }

  #entry(hostname: string): Entry | null {
    const known = this.#entries.get(hostname);
    if (known !== undefined) {
      this.#entries.delete(hostname);
      this.#entries.set(hostname, known);
      return known;
    }
    if (this.#entries.size >= ENTRIES_MAX && !this.#forgetOne()) return null;
    const domain = this.#domain(hostname);
    domain.entries += 1;
    const entry: Entry = {
      hostname,
      domain,
      standing: 'new',
      error: null,
      addresses: [],
      freshUntil: Number.NEGATIVE_INFINITY,
      isRunning: false,
      isQueued: false,
      waiting: [],
      limit: null,
    };
    this.#entries.set(hostname, entry);
    return entry;
  }

  #domain(hostname: string): Domain {
    const name = hostname.replace(/\.$/, '').split('.').slice(-2).join('.').toLowerCase();
    const known = this.#domains.get(name);
    if (known !== undefined) return known;
    const held = { proven: new Fifo<Entry>(), unproven: new Fifo<Entry>() };
    const domain: Domain = { name, entries: 0, running: 0, runningUnproven: 0, held };
    this.#domains.set(name, domain);
    return domain;
  }

  #forgetOne(): boolean {
    for (const entry of this.#entries.values()) {
      if (entry.isRunning || entry.isQueued) continue;
      this.#entries.delete(entry.hostname);
      entry.domain.entries -= 1;
      if (entry.domain.entries === 0) this.#domains.delete(entry.domain.name);
      return true;
    }
    return false;
  }

  #queue(entry: Entry): void {
    entry.isQueued = true;
    this.#queues[entry.standing].push(entry);
  }

  #runNext(): void {
    for (let entry = this.#next(); entry !== undefined; entry = this.#next()) this.#begin(entry);
  }

  #next(): Entry | undefined {
    for (const standing of STANDINGS) {
      const queue = this.#queues[standing];
      if (queue.size > 0 && this.#hasSlotFor(standing)) return queue.shift();
    }
    return undefined;
  }

  /** The bound of a standing holds for itself and those below it: what runs above takes nothing away. */
  #hasSlotFor(standing: Standing): boolean {
    const { proven, new: fresh, failing } = this.#running;
    if (proven + fresh + failing >= this.#bounds.proven) return false;
    switch (standing) {
      case 'proven':
        return true;
      case 'new':
        return fresh + failing < this.#bounds.new;
      case 'failing':
        return failing < this.#bounds.failing && fresh + failing < this.#bounds.new;
    }
  }

  /** Runs it, or holds it until its domain has room. */
  #begin(entry: Entry): void {
    const { domain, standing, waiting } = entry;
    if (waiting.length === 0) {
      // All who asked were told that it took too long.
      entry.isQueued = false;
      this.#release(domain);
    } else if (domain.running >= PER_DOMAIN_MAX) {
      domain.held[standing === 'proven' ? 'proven' : 'unproven'].push(entry);
    } else if (standing !== 'proven' && domain.runningUnproven >= PER_DOMAIN_UNPROVEN_MAX) {
      domain.held.unproven.push(entry);
    } else {
      this.#run(entry);
    }
  }

  /** As many as one slot of the domain can be for; whichever has no room is held again. */
  #release({ held }: Domain): void {
    for (const entry of [held.proven.shift(), held.unproven.shift()]) {
      if (entry !== undefined) this.#queue(entry);
    }
  }

  #run(entry: Entry): void {
    const { domain, standing } = entry;
    entry.isQueued = false;
    entry.isRunning = true;
    this.#running[standing] += 1;
    domain.running += 1;
    if (standing !== 'proven') domain.runningUnproven += 1;
    this.#lookUp(entry.hostname, (error, addresses) => {
      entry.isRunning = false;
      this.#running[standing] -= 1;
      domain.running -= 1;
      if (standing !== 'proven') domain.runningUnproven -= 1;
      this.#end(entry, error, addresses);
      this.#release(domain);
      this.#runNext();
    });
  }

  #tookTooLong(entry: Entry): void {
    this.#end(entry, failure('the name took too long to resolve'), []);
  }

  #end(entry: Entry, error: Error | null, addresses: readonly ResolvedAddress[]): void {
    entry.limit?.cancel();
    entry.limit = null;
    // What this machine was short of says nothing about the name.
    if (error === null || !isOurShortage(error)) {
      entry.standing = error === null ? 'proven' : 'failing';
      entry.error = error;
      entry.addresses = addresses;
      const keptMs = error === null ? FOUND_KEPT_MS : FAILED_KEPT_MS;
      entry.freshUntil = this.#clock.monotonic() + keptMs;
    }
    for (const resolved of entry.waiting.splice(0)) resolved(error, addresses);
  }
}

function failure(message: string): Error {
  return Object.assign(new Error(message), { code: 'EAI_AGAIN' });
}
