// The blocks of code in the documents: those that are run have to be, each by a test.
import type { Doc } from './docs-check.ts';

export interface Snippet {
  readonly language: string;
  readonly text: string;
  /** Of the line that opens it, from 1. */
  readonly line: number;
}

/** What people paste. A test asks for the blocks of a page by `snippetsOf` and has to use each. */
const RUN: ReadonlySet<string> = new Set(['bash', 'js', 'ts', 'python', 'go', 'sql']);
/** What people look at. */
const SHOWN: ReadonlySet<string> = new Set(['http', 'json', 'text', 'yaml']);

/** What a reader follows; decisions and the like speak to those who work on Posthorn. */
const pages = /^(?:README\.md|docs\/[^/]+\.md)$/;
const claim = /\bsnippetsOf\(\s*'([^']+)',\s*'([^']+)'/g;

export function snippetsIn(text: string): Snippet[] {
  const fences = text.matchAll(/^```([^\n`]*)\n([\s\S]*?)^```$/gm);
  return [...fences].map(({ 1: language = '', 2: text = '', index, input }) => {
    return { language, text, line: input.slice(0, index).split('\n').length };
  });
}

/** One line per block that no test runs, or that nothing says what to do with. */
export function snippetFaults(docs: readonly Doc[], tests: readonly Doc[]): string[] {
  const claims = new Set(
    tests.flatMap(({ text }) => [...text.matchAll(claim)].map(([, ...parts]) => parts.join(' '))),
  );
  return docs
    .filter(({ path }) => pages.test(path))
    .flatMap(({ path, text }) =>
      snippetsIn(text).flatMap(({ language, line }) => {
        const fault = faultOf(language, claims.has(`${path} ${language}`));
        return fault === null ? [] : [`${path}:${line}: ${fault}`];
      }),
    );
}

function faultOf(language: string, isClaimed: boolean): string | null {
  if (language === '') return 'the block does not say its language';
  if (SHOWN.has(language)) return null;
  if (!RUN.has(language)) return `blocks in ${language} are unknown to scripts/snippets.ts`;
  return isClaimed ? null : `no test below server/test/docs runs the blocks in ${language}`;
}
