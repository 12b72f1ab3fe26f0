/** One run of the process: when it is over, nothing of it is heard any more. */
export interface Life {
  readonly number: number;
  isOver: boolean;
  /** It ended by itself, with what was in progress counted. */
  wasDrained: boolean;
}

export function newLife(number: number): Life {
  return { number, isOver: false, wasDrained: false };
}
