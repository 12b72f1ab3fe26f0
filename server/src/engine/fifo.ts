/** First in, first out, in constant time; an array's `shift` copies what is left. */
export class Fifo<Item> {
  #items: Item[] = [];
  #head = 0;

  get size(): number {
    return this.#items.length - this.#head;
  }

  push(item: Item): void {
    this.#items.push(item);
  }

  shift(): Item | undefined {
    const item = this.#items[this.#head];
    if (item === undefined) return undefined;
    this.#head += 1;
    if (this.#head >= SPARE_MAX && this.#head * 2 >= this.#items.length) this.#compact();
    return item;
  }

  /** What is in it, oldest first; it is empty afterwards. */
  drain(): Item[] {
    this.#compact();
    const items = this.#items;
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
