/**
 * Things under numbers, which are used again. A `Map` would do, but not for what comes and goes so often
 * (see `engine/linked-list.ts`).
 */
export class Numbered<Item> {
  readonly #items: (Item | undefined)[] = [];
  readonly #free: number[] = [];

  get size(): number {
    return this.#items.length - this.#free.length;
  }

  add(item: Item): number {
    const number = this.#free.pop() ?? this.#items.length;
    this.#items[number] = item;
    return number;
  }

  /** Undefined when there is nothing under that number. */
  take(number: number): Item | undefined {
    const item = this.#items[number];
    if (item === undefined) return undefined;
    this.#items[number] = undefined;
    this.#free.push(number);
    return item;
  }
}
