import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type TestCentral, type TestDevice, testCentral } from '../fixtures/organization.ts';

/*
 * Random histories of two devices and a host on one central. Once all is quiet, every mirror equals what central shows that
 * device, and every command has exactly one receipt. `SEED=… vitest run test/property` replays a history.
 */
const people = ['bjorn', 'chloe', 'dario', 'oskar'].map((name) => `${name}@nordhaven.example`);

type Step =
  | {
      by: 'device';
      device: 0 | 1;
      act: 'rename' | 'role' | 'deactivate' | 'reactivate' | 'issue' | 'rotate' | 'create';
      who: number;
      word: number;
    }
  | {
      by: 'device';
      device: 0 | 1;
      act: 'sync' | 'lock' | 'undo' | 'resolve-mine' | 'resolve-theirs';
      who: number;
      word: number;
    }
  | {
      by: 'host';
      act: 'rename' | 'activate' | 'insert-session' | 'drop-sessions' | 'label' | 'rolled-back' | 'move-conversation';
      who: number;
      word: number;
    };

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      by: fc.constant('device' as const),
      device: fc.constantFrom(0 as const, 1 as const),
      act: fc.constantFrom(
        'rename',
        'role',
        'deactivate',
        'reactivate',
        'issue',
        'rotate',
        'create',
        'sync',
        'lock',
        'undo',
        'resolve-mine',
        'resolve-theirs',
      ) as fc.Arbitrary<never>,
      who: fc.nat(people.length - 1),
      word: fc.nat(4),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      by: fc.constant('host' as const),
      act: fc.constantFrom(
        'rename',
        'activate',
        'insert-session',
        'drop-sessions',
        'label',
        'rolled-back',
        'move-conversation',
      ) as fc.Arbitrary<never>,
      who: fc.nat(people.length - 1),
      word: fc.nat(4),
    }),
  },
);

/** Refusals that a person would meet as well; anything else is a fault. */
const expected = new Set([
  'would-violate',
  'not-supported',
  'not-permitted',
  'not-found',
  'ambiguous',
  'not-undoable',
  'would-remove-last-administrator',
]);

let central: TestCentral;
let devices: TestDevice[];

beforeAll(async () => {
  central = await testCentral();
  devices = [
    await central.device({ operator: 'astrid@nordhaven.example' }),
    await central.device({ operator: 'astrid@nordhaven.example' }),
  ];
});
afterAll(() => central.close());

async function byDevice({ core }: TestDevice, { act, who, word }: Step): Promise<void> {
  const person = people[who]!;
  const names = ['Ada', 'Bo', 'Cy', 'Di', 'Ed'];
  switch (act) {
    case 'rename':
      await core.call('people.edit', { person, name: `${names[word]} ${who}` });
      return;
    case 'role':
      await core.call('people.set-role', { person, role: ['user', 'support', 'developer', 'admin', 'member'][word]! });
      return;
    case 'deactivate':
      await core.call('people.deactivate', { person, reason: 'by a random history' });
      return;
    case 'reactivate':
      await core.call('people.reactivate', { person });
      return;
    case 'create':
      await core.call('people.create', {
        email: `new${who}${word}@nordhaven.example`,
        name: names[word]!,
        role: 'user',
      });
      return;
    case 'issue':
      await core.call('keys.issue', { label: `random ${who}${word}` });
      return;
    case 'rotate': {
      const { items } = await core.call('keys.list', { state: 'active' });
      const key = items[(who * 5 + word) % Math.max(1, items.length)];
      if (key) await core.call('keys.rotate', { key: key.id, overlapSeconds: word === 0 ? 0 : 3_600 });
      return;
    }
    case 'lock':
      await core.call('device.lock', {});
      await core.call('device.unlock', { passphrase: 'correct horse battery staple' });
      return;
    case 'undo': {
      const { items } = await core.call('outbox.list', { state: 'queued' });
      if (items[0]) await core.call('outbox.undo', { command: items[0].command });
      return;
    }
    case 'resolve-mine':
    case 'resolve-theirs': {
      const { items } = await core.call('conflicts.list', {});
      if (items[0])
        await core.call('conflicts.resolve', {
          conflict: items[0].conflict,
          take: act === 'resolve-mine' ? 'mine' : 'theirs',
        });
      return;
    }
    default:
      await core.call('sync.now', {});
  }
}

async function byHost({ act, who, word }: Step): Promise<void> {
  const { client, nordhaven, southbay } = central;
  const email = people[who]!;
  switch (act) {
    case 'rename':
      await client.query('UPDATE api_service.users SET full_name = $1 WHERE email = $2', [`Host ${word}`, email]);
      return;
    case 'activate':
      await client.query(`UPDATE api_service.users SET status = 'active' WHERE email = $1`, [email]);
      return;
    case 'insert-session':
      await client.query(
        `INSERT INTO api_service.user_sessions (user_id, access_token, expires_at) SELECT id, gen_random_uuid()::TEXT, now() + INTERVAL '1 day' FROM api_service.users WHERE email = $1`,
        [email],
      );
      return;
    case 'drop-sessions':
      await client.query(
        'DELETE FROM api_service.user_sessions s USING api_service.users u WHERE u.id = s.user_id AND u.email = $1',
        [email],
      );
      return;
    case 'label':
      await client.query(
        `UPDATE api_service.api_keys SET label = $1 WHERE label LIKE 'random%' AND organization_id = $2`,
        [`random relabelled ${word}`, nordhaven],
      );
      return;
    case 'rolled-back':
      await client.query('BEGIN');
      await client.query(`UPDATE api_service.users SET full_name = 'Never happened' WHERE email = $1`, [email]);
      await client.query('ROLLBACK');
      return;
    default:
      await client.query(
        'UPDATE api_service.conversations SET organization_id = CASE WHEN organization_id = $1 THEN $2::UUID ELSE $1::UUID END',
        [nordhaven, southbay],
      );
  }
}

test('random histories end with equal mirrors and one receipt a command', async () => {
  const seed = process.env.SEED === undefined ? undefined : Number(process.env.SEED);
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 4, maxLength: 18 }), async (history) => {
      for (const one of history) {
        try {
          if (one.by === 'host') await byHost(one);
          else await byDevice(devices[one.device]!, one);
        } catch (error) {
          const { code } = error as { code?: string };
          if (!expected.has(code ?? '')) throw error;
        }
      }
      for (const { core } of [...devices, ...devices]) await core.call('sync.now', {});
      const made = new Map<string, string>();
      for (const { core } of devices) {
        const { tables } = await core.call('mirror.check', {});
        expect(tables.filter((table) => !table.equal)).toEqual([]);
        expect((await core.call('status.get', {})).pending).toBe(0);
        const { items } = await core.call('outbox.list', { limit: 1000 });
        for (const item of items) made.set(item.command, item.state);
      }
      const { rows } = await central.client.query<{ id: string; state: string }>(
        'SELECT id, state FROM latchkey.command',
      );
      const answered = new Map(rows.map((row) => [row.id, row.state]));
      for (const [command, state] of made) {
        const fits = {
          'in-force': ['applied', 'merged'],
          conflict: ['conflict'],
          refused: ['refused'],
          undone: [undefined],
        }[state];
        expect(fits, `${command} is ${state} here, ${answered.get(command)} at central`).toContain(
          answered.get(command),
        );
      }
      expect([...answered.keys()].filter((command) => !made.has(command))).toEqual([]);
    }),
    { numRuns: Number(process.env.RUNS ?? 12), seed, endOnFailure: true },
  );
}, 240_000);
