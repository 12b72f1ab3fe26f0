/**
 * A statement that every batch has. Where a connection is ours alone, the server reads it once for each of
 * them, hears its name from then on, and plans it once a second. So it must go on answering the same
 * columns when its tables get more (no `*`).
 */
export interface KeptStatement {
  readonly name: string;
  readonly text: string;
}

export type Statement = string | KeptStatement;

let count = 0;

export function kept(text: string): KeptStatement {
  count += 1;
  return { name: `posthorn_${count}`, text };
}

export function textOf(statement: Statement): string {
  return typeof statement === 'string' ? statement : statement.text;
}
