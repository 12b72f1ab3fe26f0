/**
 * Whether two texts are the same, in a time that depends on their length alone: an early end at
 * the first difference would let a forger find a signature character by character. Not
 * `timingSafeEqual`, which only Node has.
 */
export function equalInConstantTime(one: string, other: string): boolean {
  if (one.length !== other.length) return false;
  let difference = 0;
  for (let index = 0; index < one.length; index++) {
    difference |= one.charCodeAt(index) ^ other.charCodeAt(index);
  }
  return difference === 0;
}
