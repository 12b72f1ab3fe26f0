import { readFileSync } from 'node:fs';

/** What POSIX promises at least to a program; nobody runs a server with less. */
const LIMIT_UNKNOWN = 1_024;
/** Of all descriptors: the rest is for files, pipes, threads, and whatever libraries open. */
const SHARE_OF_SOCKETS = 0.8;

export interface SocketShares {
  /** For connections to receivers, in use or idle, of all delivery threads together. */
  outgoing: number;
  /** For connections of callers. */
  accepted: number;
}

/** How many sockets each side may have so that no descriptor is ever missing. */
export function socketShares(descriptorsMax: number): SocketShares {
  const half = Math.max(1, Math.floor((descriptorsMax * SHARE_OF_SOCKETS) / 2));
  return { outgoing: half, accepted: half };
}

/** `ulimit -n` of this process: Node itself raises it as far as it may when it starts. */
export function descriptorLimit(): number {
  return limitIn(readLimits()) ?? LIMIT_UNKNOWN;
}

/** The soft limit in the text of `/proc/self/limits`; null when it does not say. */
export function limitIn(limits: string): number | null {
  const [, soft] = /^Max open files\s+(\d+|unlimited)\s/m.exec(limits) ?? [];
  if (soft === undefined) return null;
  return soft === 'unlimited' ? UNLIMITED : Number(soft);
}

/** More than any machine has; a number that can be calculated with. */
const UNLIMITED = 1_000_000;

function readLimits(): string {
  try {
    return readFileSync('/proc/self/limits', 'utf8');
  } catch {
    return limitsInReport();
  }
}

/** Where there is no `/proc`: the same line, out of Node's own report. */
function limitsInReport(): string {
  const { userLimits } = (process.report?.getReport() ?? {}) as unknown as {
    userLimits?: { open_files?: { soft?: number | string } };
  };
  return `Max open files ${userLimits?.open_files?.soft ?? ''} `;
}
