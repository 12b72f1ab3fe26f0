/** An error for standard error: its stack alone. Other members may hold what was being handled, such as a URL. */
export function sayError(error: unknown): void {
  console.error(errorText(error));
}

export function errorText(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}
