import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { PosthornError } from '../../src/core/errors.ts';
import {
  checkSubscriptions,
  covers,
  isEventTypeName,
  TEST_EVENT_TYPE,
  unknownType,
} from '../../src/core/event-types.ts';

const CATALOGUE = new Set(['user.created', 'user.deleted', 'team.member.added', 'ping']);

describe('the name of an event type', () => {
  const cases: [name: string, allowed: boolean][] = [
    ['a', true],
    ['user.created', true],
    ['team.member.role_changed', true],
    ['0', true],
    ['_', true],
    ['v1.2_3', true],
    [TEST_EVENT_TYPE, true],
    ['a'.repeat(128), true],
    ['a'.repeat(129), false],
    [`${'a.'.repeat(63)}aa`, true],
    [`${'a.'.repeat(64)}a`, false],
    ['', false],
    ['.', false],
    ['.a', false],
    ['a.', false],
    ['a..b', false],
    ['User.created', false],
    ['user-created', false],
    ['user created', false],
    ['user.*', false],
    ['*', false],
    ['user.created\n', false],
    ['ü', false],
    ['user/created', false],
  ];
  for (const [name, allowed] of cases) {
    const shown = name.length > 30 ? `one of ${name.length} characters` : JSON.stringify(name);
    test(`${shown} is ${allowed ? 'allowed' : 'refused'}`, () => {
      assert.equal(isEventTypeName(name), allowed);
    });
  }
});

describe('a subscription', () => {
  const cases: [subscription: string, type: string, does: boolean][] = [
    ['*', 'user.created', true],
    ['*', 'a', true],
    ['user.created', 'user.created', true],
    ['user.created', 'user.create', false],
    ['user.created', 'user.created.again', false],
    ['user', 'user.created', false],
    ['user.*', 'user.created', true],
    ['user.*', 'user.profile.changed', true],
    ['user.*', 'user', false],
    ['user.*', 'user.', true],
    ['user.*', 'users.created', false],
    ['user.*', 'superuser.created', false],
    ['team.member.*', 'team.member.added', true],
    ['team.member.*', 'team.created', false],
    ['', 'user.created', false],
  ];
  for (const [subscription, type, does] of cases) {
    test(`to "${subscription}" ${does ? 'covers' : 'does not cover'} "${type}"`, () => {
      assert.equal(covers(subscription, type), does);
    });
  }
});

describe('the event types of a webhook', () => {
  for (const known of [
    ['*'],
    ['user.created'],
    ['user.*'],
    ['team.*'],
    ['team.member.*'],
    ['ping', '*'],
  ]) {
    test(`may be ${known.join(' and ')}`, () => checkSubscriptions(known, CATALOGUE));
  }

  for (const unknown of ['user', 'user.create', 'users.*', 'ping.*', 'user.created.*', '**', '']) {
    test(`may not be ${JSON.stringify(unknown)}`, () => {
      assert.throws(() => checkSubscriptions([unknown], CATALOGUE), { code: 'unknown_event_type' });
    });
  }

  test('are refused with a fault for each that is unknown, and what was meant', () => {
    assert.throws(
      () => checkSubscriptions(['ping', 'user.craeted', '*', 'usr.*'], CATALOGUE),
      (error: Error) => {
        assert.ok(error instanceof PosthornError);
        const { faults } = error;
        assert.deepEqual(
          faults.map(({ pointer, code }) => [pointer, code]),
          [
            ['/events/1', 'unknown_event_type'],
            ['/events/3', 'unknown_event_type'],
          ],
        );
        assert.match(faults[0]?.detail ?? '', /Did you mean "user.created"\?$/);
        assert.match(faults[1]?.detail ?? '', /Did you mean "user\.\*"\?$/);
        return true;
      },
    );
  });

  test('of nothing like them are told where the catalogue is', () => {
    const detail = unknownType('something.else', CATALOGUE);
    assert.match(detail, /"something.else" is not in the catalogue \(GET \/v1\/event-types\)\.$/);
  });
});
