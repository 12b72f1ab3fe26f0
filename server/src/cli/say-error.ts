/** An error for standard error: its stack alone. Other members may hold what was being handled, such as a URL. */
export function sayError(error: unknown): void {
  console.error(error instanceof Error ? (error.stack ?? error.message) : String(error));
}
