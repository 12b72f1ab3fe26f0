/**
 * What has to be undone even when the harness is interrupted: its children end, its files go. Each
 * `undo` is synchronous, because it may run while the process exits.
 */
const undos = new Set<() => void>();
let watching = false;

/** Answers a function that undoes it now instead. */
export function undoAtExit(undo: () => void): () => void {
  watch();
  undos.add(undo);
  return () => {
    if (undos.delete(undo)) undo();
  };
}

function watch(): void {
  if (watching) return;
  watching = true;
  process.on('exit', () => {
    for (const undo of undos) undo();
  });
  for (const [signal, code] of [
    ['SIGINT', 130],
    ['SIGTERM', 143],
    ['SIGHUP', 129],
  ] as const) {
    process.on(signal, () => process.exit(code));
  }
}
