/** First in, first out, in constant time; an array's `shift` copies what is left. */
export class Fifo<Item> {
  /** Used places before the head are empty: they would keep what has left from the collector. */
  #items: (Item | undefined)[] = [];
  #head = 0;

  get size(): number {
    return this.#items.length - this.#head;
  }

  peek(): Item | undefined {
    return this.#items[this.#head];
  }

  push(item: Item): void {
    this.#items.push(item);
  }

  shift(): Item | undefined {
    const item = this.#items[this.#head];
    if (item === undefined) return undefined;
    this.#items[this.#head] = undefined;
    this.#head += 1;
    if (this.#head >= SPARE_MAX && this.#head * 2 >= this.#items.length) this.#compact();
    return item;
  }

  /** Takes the first such one out from wherever it is; its cost grows with the size. */
  remove(isIt: (item: Item) => boolean): Item | undefined {
    const index = this.#items.findIndex((item) => item !== undefined && isIt(item));
    return index === -1 ? undefined : this.#items.splice(index, 1)[0];
  }

  /** What is in it, oldest first; it is empty afterwards. */
  drain(): Item[] {
    this.#compact();
    const items = this.#items as Item[];
    this.#items = [];
    return items;
  }

  #compact(): void {
    this.#items = this.#items.slice(this.#head);
    this.#head = 0;
  }
}

/** So many used places stay before the rest is moved to the front. */
const SPARE_MAX = 64;
