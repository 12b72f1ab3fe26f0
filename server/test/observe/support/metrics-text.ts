import assert from 'node:assert/strict';
import type { TestServer } from '../../support/start-test-server.ts';

export interface Metrics {
  contentType: string | null;
  text: string;
  /** The value of a series, spelled as the text has it; fails when it is not there. */
  value(series: string): number;
}

/** What `/metrics` answers now. */
export async function scrape(server: Pick<TestServer, 'url'>): Promise<Metrics> {
  const response = await fetch(`${server.url}/metrics`);
  const text = await response.text();
  assert.equal(response.status, 200, text);
  const { samples } = parse(text);
  return {
    contentType: response.headers.get('content-type'),
    text,
    value(series) {
      const value = samples.get(`posthorn_${series}`);
      assert.ok(value !== undefined, `there is no posthorn_${series}`);
      return value;
    },
  };
}

export interface Parsed {
  help: Map<string, string>;
  type: Map<string, string>;
  /** By name and labels. */
  samples: Map<string, number>;
}

const LABEL = /[a-zA-Z_]\w*="(?:[^"\\\n]|\\["\\n])*"/.source;
const SAMPLE = new RegExp(`^(([a-z_]\\w*)(?:\\{${LABEL}(?:,${LABEL})*\\})?) (\\S+)$`);

/** Prometheus' text format 0.0.4, strictly: each line is valid, nothing is said twice. */
export function parse(text: string): Parsed {
  const parsed: Parsed = { help: new Map(), type: new Map(), samples: new Map() };
  assert.ok(text.endsWith('\n'), 'the last line ends');
  for (const line of text.split('\n')) {
    const [, kind, name = '', rest = ''] = /^# (HELP|TYPE) ([a-z_]\w*) (.+)$/.exec(line) ?? [];
    if (kind === 'HELP') addOnce(parsed.help, name, rest);
    else if (kind === 'TYPE') addOnce(parsed.type, name, rest);
    else if (line !== '') addSample(parsed, line);
  }
  return parsed;
}

function addSample({ type, samples }: Parsed, line: string): void {
  const [, series, name = '', value] = SAMPLE.exec(line) ?? [];
  assert.ok(series !== undefined, `not a line of the format: ${line}`);
  assert.ok(Number.isFinite(Number(value)), `not a number: ${line}`);
  const metric = type.has(name) ? name : name.replace(/_(?:bucket|sum|count)$/, '');
  assert.ok(type.has(metric), `no TYPE before: ${line}`);
  assert.equal(metric === name, type.get(metric) !== 'histogram', line);
  addOnce(samples, series, Number(value));
}

function addOnce<Value>(map: Map<string, Value>, name: string, value: Value): void {
  assert.ok(!map.has(name), `said twice: ${name}`);
  map.set(name, value);
}
