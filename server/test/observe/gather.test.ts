import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import type { Clock } from '../../src/core/ports.ts';
import { Instruments, type MetricReport } from '../../src/observe/instruments.ts';
import { addUp, countsOf, metricsText } from '../../src/observe/metrics-text.ts';
import { createGatherer } from '../../src/threads/gather.ts';
import { parse } from './support/metrics-text.ts';

/** A thread that answers when the test says so. */
function manualThread() {
  const questions: PromiseWithResolvers<MetricReport[]>[] = [];
  return {
    questions,
    report(): Promise<MetricReport[]> {
      const question = Promise.withResolvers<MetricReport[]>();
      questions.push(question);
      return question.promise;
    },
  };
}

/** A clock whose timers the test rings. */
function manualClock() {
  let ring = () => {};
  const clock: Clock = {
    now: () => 0,
    monotonic: () => 0,
    after(_delayMs, call) {
      ring = call;
      return { cancel: () => {} };
    },
  };
  return { clock, ring: () => ring() };
}

function reportOf(bugs: number): MetricReport[] {
  const instruments = new Instruments();
  instruments.counter('bugs_total', {}).add(bugs);
  return instruments.report();
}

test('the reports of all threads are added up', async () => {
  const gather = createGatherer(
    [async () => reportOf(1), async () => reportOf(2)],
    manualClock().clock,
  );
  const { reports, silent } = await gather();
  const { samples } = parse((await metricsText([reportOf(4), ...reports], { silent })).text);
  assert.equal(samples.get('posthorn_bugs_total'), 7);
  assert.equal(samples.get('posthorn_scrape_incomplete'), 0);
});

test('a thread that does not answer in time is left out and counted', async () => {
  const { clock, ring } = manualClock();
  const gather = createGatherer([manualThread().report, async () => reportOf(2)], clock);
  const gathered = gather();
  // Whoever does answer has had the time to.
  await setImmediate();
  ring();
  const { reports, silent } = await gathered;
  const { samples } = parse((await metricsText(reports, { silent })).text);
  assert.equal(samples.get('posthorn_bugs_total'), 2);
  assert.equal(samples.get('posthorn_scrape_incomplete'), 1);
});

test('what a silent thread said last stands in for it, so that no sum falls', async () => {
  const { clock, ring } = manualClock();
  const thread = manualThread();
  const gather = createGatherer([thread.report], clock);
  const first = gather();
  thread.questions[0]?.resolve(reportOf(3));
  await first;
  const second = gather();
  ring();
  assert.deepEqual(await second, { reports: [reportOf(3)], silent: 1 });
});

test('a silent thread is not asked again before it has answered', async () => {
  const { clock, ring } = manualClock();
  const thread = manualThread();
  const gather = createGatherer([thread.report], clock);
  const first = gather();
  ring();
  await first;
  const second = gather();
  assert.equal(thread.questions.length, 1);
  thread.questions[0]?.resolve(reportOf(5));
  assert.deepEqual(await second, { reports: [reportOf(5)], silent: 0 });
});

test('a thread that answers with an error counts as silent', async () => {
  const failing = async () => {
    throw new Error('no');
  };
  assert.deepEqual(await createGatherer([failing], manualClock().clock)(), {
    reports: [[]],
    silent: 1,
  });
});

test('what several processes have measured is added up once more, but for what is the highest', async () => {
  const processes = [reportOfProcess(3, 0.5), reportOfProcess(4, 0.25)];
  const each = await Promise.all(processes.map((report) => addUp([report], { silent: 1 })));
  const all = await addUp(each, { silent: 0 });
  const { samples } = parse((await metricsText([all], { silent: 0 })).text);
  assert.equal(samples.get('posthorn_bugs_total'), 7);
  assert.equal(samples.get('posthorn_event_loop_delay_seconds'), 0.5);
  assert.equal(samples.get('posthorn_scrape_incomplete'), 2);
});

test('a process that has ended leaves its counts, and nothing of how it was', async () => {
  const left = countsOf(await addUp([reportOfProcess(3, 0.5)], { silent: 1 }));
  const { samples } = parse((await metricsText([left], { silent: 0 })).text);
  assert.equal(samples.get('posthorn_bugs_total'), 3);
  assert.equal(samples.get('posthorn_event_loop_delay_seconds'), undefined);
  assert.equal(samples.get('posthorn_scrape_incomplete'), 0);
});

function reportOfProcess(bugs: number, delay: number): MetricReport[] {
  const instruments = new Instruments();
  instruments.counter('bugs_total', {}).add(bugs);
  instruments.reading('event_loop_delay_seconds', {}, () => delay);
  return instruments.report();
}
