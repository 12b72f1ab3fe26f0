/** The deliveries of which a node says, in its log, that their outcome came after it had lost their shard. */
export function fencedIn(log: string): Set<string> {
  const fenced = new Set<string>();
  for (const line of log.split('\n')) {
    if (!line.includes('"fenced"')) continue;
    const { msg, delivery } = JSON.parse(line);
    if (msg === 'fenced') fenced.add(delivery);
  }
  return fenced;
}
