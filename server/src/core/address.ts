/** The address in a host (as `URL.hostname` spells it, or without the brackets), or null for a name. */
export function literalAddress(hostname: string): string | null {
  if (hostname.includes(':')) return hostname.replace(/^\[|\]$/g, '');
  return /^\d+\.\d+\.\d+\.\d+$/.test(hostname) ? hostname : null;
}
