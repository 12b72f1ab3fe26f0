/** First in, first out, in constant time; an array's `shift` copies what is left. */
export class Fifo<Item> {
  #items: Item[] = [];
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
    this.#head += 1;
    if (this.#head >= SPARE_MAX && this.#head * 2 >= this.#items.length) this.#compact();
    return item;
  }

  /** Takes one out from wherever it is; its cost grows with the size. */
  remove(item: Item): boolean {
    const index = this.#items.indexOf(item, this.#head);
    if (index === -1) return false;
    this.#items.splice(index, 1);
    return true;
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
