/** A text as a TypeScript literal. */
export function quoted(text: string): string {
  const escaped = JSON.stringify(text).slice(1, -1).replaceAll('\\"', '"').replaceAll("'", "\\'");
  return `'${escaped}'`;
}

/** The name of a member, in quotes where it needs them. */
export function propertyName(name: string): string {
  return /^[A-Za-z_$][\w$]*$/.test(name) ? name : quoted(name);
}

/** A declaration with what its schema says to people in front of it. */
export function withComment(schema: unknown, declaration: string): string {
  const { description, deprecated } = (schema ?? {}) as Record<string, unknown>;
  const lines = typeof description === 'string' ? description.trim().split(/\s*[\r\n]+/) : [];
  if (deprecated === true) lines.push('@deprecated');
  return comment(lines) + declaration;
}

function comment(lines: readonly string[]): string {
  const [first, ...others] = lines.map((line) => line.replaceAll('*/', '*\\/'));
  if (first === undefined || lines.every((line) => line === '')) return '';
  if (others.length === 0) return `/** ${first} */\n`;
  return `/**\n${[first, ...others].map((line) => ` * ${line}`).join('\n')}\n */\n`;
}
