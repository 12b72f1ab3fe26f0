import type { Seeded } from '../../core/support/seeded.ts';
import type { Network } from '../network.ts';
import type { Scheduler } from '../scheduler.ts';
import type { Trace } from '../trace.ts';
import type { NodeProcess } from './node-process.ts';
import type { NodesProfile } from './nodes-profile.ts';

export interface NodesFaultParts {
  random: Seeded;
  scheduler: Scheduler;
  trace: Trace;
  profile: NodesProfile;
  network: Network;
  /** Those that run now. */
  nodes: () => readonly NodeProcess[];
  crash: (node: NodeProcess) => void;
  drain: (node: NodeProcess) => void;
  join: () => void;
}

const FREEZE_MS_MAX = 20_000;
const HOLD_UP_MS_MAX = 40_000;
const FAILING_MS_MAX = 12_000;
const CUT_OFF_MS_MAX = 20_000;
const SLOW_TURN_MS_MAX = 2_500;
const SLOW_MS_MAX = 20_000;
const SHORTAGE_MS_MAX = 3_000;
const LOST_ANSWERS = 0.2;
const JUMPS_MS = [2_000, 90_000];
const SPAN_MS_MIN = 20_000;

/** What goes wrong with one node or another, and when. */
export class NodesFaults {
  /** When something was frozen, failed or slow last (monotonic). */
  lastAt = Number.NEGATIVE_INFINITY;
  readonly #parts: NodesFaultParts;
  #isOver = false;

  constructor(parts: NodesFaultParts) {
    this.#parts = parts;
  }

  /** Nothing goes wrong any more. */
  stop(): void {
    this.#isOver = true;
    this.#parts.network.faults.shortage = 0;
    this.#parts.network.wasSent = () => {};
    for (const { store } of this.#parts.nodes()) {
      store.turned = () => {};
      Object.assign(store.faults, {
        failing: 'none',
        turnMsMax: 3,
        lostAnswers: 0,
        isCutOff: false,
      });
    }
  }

  /** A node has begun. */
  begun({ store }: NodeProcess): void {
    const { profile } = this.#parts;
    if (profile.nodeFaults.lostAnswers && !this.#isOver) store.faults.lostAnswers = LOST_ANSWERS;
  }

  /** From now on, spread over the script. */
  plan(): void {
    const { profile, random, network, join, drain, scheduler, trace, nodes } = this.#parts;
    const { nodeFaults, faults } = profile;
    if (nodeFaults.crashes) this.#repeatedly((node) => this.#armCrash(node));
    if (nodeFaults.drains) this.#repeatedly(drain);
    if (nodeFaults.joins) this.#repeatedly(join);
    if (nodeFaults.freezes) this.#repeatedly((node) => this.#armFreeze(node));
    if (nodeFaults.holdUps) {
      this.#repeatedly(({ id, store }) => {
        const ms = HOLD_UP_MS_MAX * random.fraction();
        trace.say(`the store's channel to the engine of ${id} is held up for ${ms.toFixed(0)} ms`);
        store.holdUp(ms);
        this.lastAt = scheduler.monotonic() + ms;
      });
    }
    if (nodeFaults.cutOffs) {
      this.#repeatedly((node) => {
        const { id, store } = node;
        trace.say(`the loop of ${id} is cut off`);
        store.faults.isCutOff = true;
        this.#mayBeSet(node);
        this.#later(CUT_OFF_MS_MAX, () => {
          store.faults.isCutOff = false;
        });
      });
    }
    if (faults.failingStore) {
      this.#repeatedly(({ store }) => {
        store.faults.failing = random.pick(['writes', 'all']);
        this.#later(FAILING_MS_MAX, () => {
          store.faults.failing = 'none';
        });
      });
    }
    if (faults.slowStore) {
      this.#repeatedly(({ store }) => {
        store.faults.turnMsMax = SLOW_TURN_MS_MAX;
        this.#later(SLOW_MS_MAX, () => {
          store.faults.turnMsMax = 3;
        });
      });
    }
    if (faults.shortage) {
      this.#repeatedly(() => {
        network.faults.shortage = 0.5;
        this.#later(SHORTAGE_MS_MAX, () => {
          network.faults.shortage = 0;
        });
      });
    }
    if (faults.jumps) {
      this.#repeatedly((node) => {
        this.#set(random.below(3) === 0 ? nodes() : [node]);
      });
    }
  }

  #repeatedly(happen: (node: NodeProcess) => void): void {
    const { random, scheduler, profile, nodes } = this.#parts;
    const spanMs = Math.max(SPAN_MS_MIN, (profile.gapMsMax / 4) * profile.operations * 0.66);
    const times = 1 + random.below(3);
    for (let time = 0; time < times; time++) {
      scheduler.after(spanMs * random.fraction(), () => {
        const running = nodes();
        if (this.#isOver || running.length === 0) return;
        this.lastAt = scheduler.monotonic();
        happen(random.pick(running));
      });
    }
  }

  /** When it is over it is still something of lately. */
  #later(msMax: number, happen: () => void): void {
    const { scheduler, random } = this.#parts;
    scheduler.after(msMax * random.fraction() ** 2, () => {
      if (this.#isOver) return;
      this.lastAt = scheduler.monotonic();
      happen();
    });
  }

  /** At once, or when the store has just done something and nobody has heard of it, or after it has sent. */
  #armCrash(node: NodeProcess): void {
    this.#atSomeMoment(node, () => this.#parts.crash(node));
  }

  #armFreeze(node: NodeProcess): void {
    this.#atSomeMoment(node, () => this.#freeze(node));
  }

  #atSomeMoment(node: NodeProcess, happen: () => void): void {
    const { random, network } = this.#parts;
    const kind = random.below(4);
    if (kind === 0) happen();
    else if (kind === 1) {
      network.wasSent = () => {
        network.wasSent = () => {};
        happen();
      };
    } else {
      const operation = random.pick(['settle', 'publish', 'target', 'due', 'any']);
      node.store.turned = (operations) => {
        if (operation !== 'any' && !operations.includes(operation)) return;
        node.store.turned = () => {};
        happen();
      };
    }
  }

  #freeze(node: NodeProcess): void {
    const { random, scheduler, trace } = this.#parts;
    if (node.life.isOver || this.#isOver) return;
    const ms = FREEZE_MS_MAX * random.fraction() ** 2;
    trace.say(`${node.id} is frozen for ${ms.toFixed(0)} ms`);
    // One that is frozen already does not wake sooner: what waits for its waking comes in its order.
    node.life.frozenUntil = Math.max(node.life.frozenUntil, scheduler.monotonic() + ms);
    this.lastAt = node.life.frozenUntil;
    this.#mayBeSet(node);
  }

  #set(nodes: readonly NodeProcess[]): void {
    const { random, trace } = this.#parts;
    const byMs = Math.floor(random.pick(JUMPS_MS) * (2 * random.fraction() - 1));
    trace.say(`the clocks of ${nodes.map(({ id }) => id)} are set by ${byMs}`);
    for (const { machine } of nodes) machine.jump(byMs);
  }

  /** A machine that stood still, or was alone, has another time of day afterwards. */
  #mayBeSet(node: NodeProcess): void {
    const { random, profile } = this.#parts;
    if (profile.faults.jumps && random.below(2) === 0) this.#set([node]);
  }
}
