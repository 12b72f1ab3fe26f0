// Writes the types that a module exports out in full, so that nothing they were made from (the schemas of
// a server, and the library that reads them) is needed where they are used.
import {
  API,
  type Checker,
  type Symbol as Named,
  NodeBuilderFlags,
  SymbolFlags,
  type Type,
} from 'typescript/unstable/sync';

export interface TypesModule {
  /** Absolute; it exports types without parameters, and nothing else. */
  file: string;
  /** Absolute; a `tsconfig.json` that includes it. */
  project: string;
}

/** Declarations of the same names and meanings, without an import. */
export function flatTypesOf({ file, project: config }: TypesModule): string {
  const api = new API();
  try {
    const project = api.updateSnapshot({ openProjects: [config] }).getProject(config);
    const source = project?.program.getSourceFile(file);
    if (project === undefined || source === undefined) throw new Error(`${config} has no ${file}.`);
    const { checker } = project;
    const module = checker.getSymbolAtLocation(source);
    if (module === undefined) throw new Error(`${file} exports nothing.`);
    return checker
      .getExportsOfModule(module)
      .map((symbol) => `export type ${symbol.name} = ${declared(checker, symbol)};\n`)
      .join('');
  } finally {
    api.close();
  }
}

function declared(checker: Checker, symbol: Named): string {
  return written(checker, checker.getDeclaredTypeOfSymbol(symbol));
}

/** The names of types in between are not kept: they would have to be declared, too. */
function written(checker: Checker, type: Type): string {
  if (type.isUnionType()) return union(checker, type.getTypes());
  const [item] =
    checker.isArrayType(type) && type.isTypeReference() ? checker.getTypeArguments(type) : [];
  if (item !== undefined) return `Array<${written(checker, item)}>`;
  const members = type.isObjectType() ? checker.getPropertiesOfType(type) : [];
  if (members.length === 0)
    return checker.typeToString(type, undefined, NodeBuilderFlags.NoTruncation);
  const lines = members.map((member) => memberOf(checker, member)).join('\n');
  return `{${`\n${lines}`.replaceAll('\n', '\n  ')}\n}`;
}

function union(checker: Checker, types: readonly Type[]): string {
  const names = types.map((each) => written(checker, each));
  // To the compiler `boolean` is a union of its two values.
  const all = names.map((name) => (name === 'true' || name === 'false' ? 'boolean' : name));
  const nullLast = all.toSorted((one, other) => Number(one === 'null') - Number(other === 'null'));
  return [...new Set(nullLast)].join(' | ');
}

function memberOf(checker: Checker, member: Named): string {
  const type = checker.getTypeOfSymbol(member);
  if (type === undefined) throw new Error(`${member.name} has no type.`);
  if (!(member.flags & SymbolFlags.Optional)) return `${member.name}: ${written(checker, type)};`;
  // What the compiler adds for a member that may be absent; JSON has no such value.
  const given = written(checker, type).replace(/^undefined \| | \| undefined$/, '');
  return `${member.name}?: ${given};`;
}
