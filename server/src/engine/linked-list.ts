/** What can stand in one list at a time: its neighbours are written on it, so that leaving costs no search. */
export interface Listed {
  /** The list that it stands in. */
  list: unknown;
  older: Listed | null;
  newer: Listed | null;
}

/**
 * Things in the order in which they came, left in any order. For what comes and goes thousands of times a
 * second: a `Set` or `Map` makes its table anew again and again, and V8 links each table that was given
 * up to the one after it. Once one of them has grown old, everything that was ever in a later one
 * outlives the collections of what is young (docs/decisions/0013-engine.md, "No sets of
 * what comes and goes").
 */
export class LinkedList<Item extends Listed> {
  #size = 0;
  #oldest: Item | null = null;
  #newest: Item | null = null;

  get size(): number {
    return this.#size;
  }

  get oldest(): Item | null {
    return this.#oldest;
  }

  add(item: Item): void {
    item.list = this;
    item.older = this.#newest;
    if (this.#newest === null) this.#oldest = item;
    else this.#newest.newer = item;
    this.#newest = item;
    this.#size += 1;
  }

  /** Answers whether it stood in this list. */
  remove(item: Item): boolean {
    if (item.list !== this) return false;
    const { older, newer } = item as { older: Item | null; newer: Item | null };
    if (older === null) this.#oldest = newer;
    else older.newer = newer;
    if (newer === null) this.#newest = older;
    else newer.older = older;
    // Nothing leads from what has left to what stands here.
    item.list = null;
    item.older = null;
    item.newer = null;
    this.#size -= 1;
    return true;
  }

  /** Oldest first; nothing may leave meanwhile. */
  *[Symbol.iterator](): Generator<Item, void> {
    for (let item = this.#oldest; item !== null; item = item.newer as Item | null) yield item;
  }
}
