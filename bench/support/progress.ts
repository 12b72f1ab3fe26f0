/** Progress is not the result: standard output has only that. */
export function say(text: string): void {
  process.stderr.write(text);
}
