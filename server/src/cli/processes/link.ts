import type { ChildProcess, Serializable } from 'node:child_process';
import type { Port } from '../../threads/channel.ts';
import type { Failure } from '../failure.ts';

/** What a parent asks of a child. */
export type ChildCall = { kind: 'measure' } | { kind: 'drain'; limitMs: number };

/** What a child asks of its parent: what all children have measured. */
export type ParentCall = 'measure';

/** What a child tells unasked, once: how its start ended. */
export type ChildNews = ({ kind: 'serving' } & Serving) | { kind: 'failed'; failure: Failure };

export interface Serving {
  /** Where it answers. */
  url: string;
  /** Where the data is, for people to read. */
  dataPlace: string;
}

/** One end of the channel between a parent and a child. */
export function portOf(end: ChildProcess | NodeJS.Process): Port {
  return {
    on: (event, heard) => end.on(event, heard),
    // What the other end cannot hear any more is nobody's loss: that it has ended is heard here.
    postMessage: (message) =>
      void end.send?.(message as Serializable, undefined, undefined, () => {}),
  };
}
