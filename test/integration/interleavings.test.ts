import { randomUUID } from 'node:crypto';
import type pg from 'pg';
import { from } from 'pg-copy-streams';
import { describe, expect, test } from 'vitest';
import {
  attend,
  central,
  interleaved,
  move,
  nordhaven,
  pull,
  react,
  rename,
  say,
  session,
  shown,
  southbay,
  thread,
  twoDevices,
} from '../fixtures/interleaving.ts';

/* After each step both devices pull, and each mirror equals what central shows that device at that moment. */
twoDevices();

describe('a parent that moves to another organization while a transaction on its children is open', () => {
  test('brings the child that was inserted for the old organization, once that commits', async () => {
    const { conversation } = await thread(central.nordhaven);
    const writer = await session();
    await interleaved(
      async () => {
        await writer.query('BEGIN');
        await attend(writer, conversation, 'oskar');
      },
      () => move(central.client, conversation, central.southbay),
      () => writer.query('COMMIT'),
    );
    expect(await shown(southbay, 'conversation_participants')).toBe(2);
  });

  test('loses the child that was deleted for the old organization, once that commits', async () => {
    const { conversation, message } = await thread(central.nordhaven);
    const writer = await session();
    await interleaved(
      async () => {
        await writer.query('BEGIN');
        await writer.query('DELETE FROM api_service.messages WHERE id = $1', [message]);
      },
      () => move(central.client, conversation, central.southbay),
      () => writer.query('COMMIT'),
    );
  });

  test('shows the grandchild that was changed for the old organization', async () => {
    const { conversation, reaction } = await thread(central.nordhaven);
    const writer = await session();
    await interleaved(
      async () => {
        await writer.query('BEGIN');
        await writer.query(`UPDATE api_service.message_reactions SET reaction = 'late' WHERE id = $1`, [reaction]);
      },
      () => move(central.client, conversation, central.southbay),
      () => writer.query('COMMIT'),
    );
  });

  test('is watched until the last of those transactions has ended, whatever becomes of each', async () => {
    const { conversation } = await thread(central.nordhaven);
    const [first, second, third] = [await session(), await session(), await session()];
    await interleaved(
      async () => {
        for (const [writer, who] of [
          [first, 'bjorn'],
          [second, 'chloe'],
          [third, 'dario'],
        ] as const) {
          await writer.query('BEGIN');
          await attend(writer, conversation, who);
        }
      },
      () => move(central.client, conversation, central.southbay),
      () => second.query('COMMIT'),
      () => third.query('ROLLBACK'),
      () => attend(central.client, conversation, 'oskar'),
      () => first.query('COMMIT'),
    );
  });

  test('there and back again, keeps what was written on both ways', async () => {
    const { conversation } = await thread(central.nordhaven);
    const [early, late] = [await session(), await session()];
    await interleaved(
      async () => {
        await early.query('BEGIN');
        await attend(early, conversation, 'bjorn');
      },
      () => move(central.client, conversation, central.southbay),
      async () => {
        await late.query('BEGIN');
        await attend(late, conversation, 'chloe');
      },
      () => move(central.client, conversation, central.nordhaven),
      () => early.query('COMMIT'),
      () => late.query('COMMIT'),
    );
  });

  test('is followed also by a device that made its first mirror in between', async () => {
    const { conversation, message } = await thread(central.nordhaven);
    const writer = await session();
    await writer.query('BEGIN');
    await attend(writer, conversation, 'oskar');
    await writer.query('DELETE FROM api_service.messages WHERE id = $1', [message]);
    await move(central.client, conversation, central.southbay);
    const { core } = await central.device({ operator: 'ana@southbay.example' });
    await writer.query('COMMIT');
    await core.call('sync.now', {});
    const { tables } = await core.call('mirror.check', {});
    expect(tables.filter(({ equal }) => !equal)).toEqual([]);
  });

  test('is watched also among so many that their table is copied anew', async () => {
    const { conversation } = await thread(central.nordhaven);
    await central.client.query(
      `INSERT INTO api_service.conversations (organization_id, title, type) SELECT $1, 'many', 'group' FROM generate_series(1, 20500)`,
      [central.nordhaven],
    );
    await pull();
    const writer = await session();
    await writer.query('BEGIN');
    await writer.query('DELETE FROM api_service.conversation_participants WHERE conversation_id = $1', [conversation]);
    await interleaved(
      () => central.client.query('UPDATE api_service.conversations SET organization_id = $1', [central.southbay]),
      () => writer.query('COMMIT'),
      () => central.client.query(`DELETE FROM api_service.conversations WHERE title = 'many'`),
    );
  }, 60_000);

  test.each(['REPEATABLE READ', 'SERIALIZABLE'])(
    'is followed when a %s transaction still sees the old organization',
    async (level) => {
      const { conversation, message, reaction } = await thread(central.nordhaven);
      const writer = await session();
      await interleaved(
        async () => {
          await writer.query(`BEGIN ISOLATION LEVEL ${level}`);
          await writer.query('SELECT FROM api_service.messages');
        },
        () => move(central.client, conversation, central.southbay),
        async () => {
          await writer.query('DELETE FROM api_service.message_reactions WHERE id = $1', [reaction]);
          await writer.query(`UPDATE api_service.messages SET content = 'edited' WHERE id = $1`, [message]);
        },
        () => writer.query('COMMIT'),
      );
    },
  );
});

describe('a transaction that commits late', () => {
  test('is not lost behind one that began later and committed first', async () => {
    const [slow, fast] = [await session(), await session()];
    await interleaved(
      async () => {
        await slow.query('BEGIN');
        await rename(slow, 'oskar', 'Slow Writer');
      },
      () => rename(fast, 'chloe', 'Fast Writer'),
      () => slow.query('COMMIT'),
    );
    expect((await nordhaven.core.call('people.show', { person: 'oskar@nordhaven.example' })).name).toBe('Slow Writer');
  });

  test('leaves no gap when it is rolled back instead', async () => {
    const [slow, fast] = [await session(), await session()];
    await interleaved(
      async () => {
        await slow.query('BEGIN');
        await rename(slow, 'oskar', 'Never Happened');
      },
      () => rename(fast, 'chloe', 'Past The Gap'),
      () => slow.query('ROLLBACK'),
      () => rename(fast, 'chloe', 'After The Gap'),
    );
    expect((await nordhaven.core.call('people.show', { person: 'oskar@nordhaven.example' })).name).not.toBe(
      'Never Happened',
    );
  });

  test('keeps the savepoints that were released, and not those that were rolled back', async () => {
    const writer = await session();
    await interleaved(
      async () => {
        await writer.query('BEGIN');
        await rename(writer, 'bjorn', 'Before The Savepoints');
        await writer.query('SAVEPOINT kept');
        await rename(writer, 'chloe', 'Kept Savepoint');
        await writer.query('RELEASE SAVEPOINT kept');
        await writer.query('SAVEPOINT dropped');
        await rename(writer, 'dario', 'Dropped Savepoint');
        await writer.query('ROLLBACK TO SAVEPOINT dropped');
      },
      () => rename(central.client, 'oskar', 'Meanwhile'),
      () => writer.query('COMMIT'),
    );
    expect((await nordhaven.core.call('people.show', { person: 'chloe@nordhaven.example' })).name).toBe(
      'Kept Savepoint',
    );
  });

  test('waits prepared, across its session, and is seen when it is committed by another', async () => {
    const writer = await session();
    await interleaved(
      async () => {
        await writer.query('BEGIN');
        await rename(writer, 'oskar', 'Two Phases');
        await writer.query(`PREPARE TRANSACTION 'interleaved'`);
        await writer.end();
      },
      () => rename(central.client, 'chloe', 'Between Phases'),
      () => central.client.query(`COMMIT PREPARED 'interleaved'`),
    );
    expect((await nordhaven.core.call('people.show', { person: 'oskar@nordhaven.example' })).name).toBe('Two Phases');
  });

  test('does not hold up what others commit while it idles', async () => {
    const idle = await session();
    await interleaved(
      async () => {
        await idle.query('BEGIN');
        await rename(idle, 'oskar', 'Idle In Transaction');
      },
      () => rename(central.client, 'chloe', 'Does Not Wait'),
      async () => {
        expect((await nordhaven.core.call('people.show', { person: 'chloe@nordhaven.example' })).name).toBe(
          'Does Not Wait',
        );
      },
      () => rename(central.client, 'chloe', 'Still Does Not'),
      () => idle.query('COMMIT'),
    );
  });

  test.each([
    [
      'what changed long ago was taken out of the log',
      async () => {
        await central.client.query('UPDATE latchkey.change SET day = day - 70');
        await central.client.query('SELECT latchkey.prune_changes()');
      },
    ],
    [
      'a restore was declared',
      async () => {
        await central.client.query(`SELECT latchkey.begin_epoch('restored')`);
      },
    ],
  ])('and was open already when %s, has tables copied anew once and not for ever', async (_what, forget) => {
    const idle = await session();
    await idle.query('BEGIN');
    await idle.query('SELECT pg_current_xact_id()');
    await rename(central.client, 'chloe', 'Before It Is Forgotten');
    await forget();
    await interleaved(
      async () => {},
      () => rename(central.client, 'chloe', 'After It Was Forgotten'),
      () => idle.query('COMMIT'),
    );
  });

  test('in REPEATABLE READ, is seen whole', async () => {
    const writer = await session();
    await interleaved(
      async () => {
        await writer.query('BEGIN ISOLATION LEVEL REPEATABLE READ');
        await writer.query('SELECT FROM api_service.users');
      },
      () => rename(central.client, 'chloe', 'Behind Its Snapshot'),
      () => rename(writer, 'oskar', 'Repeatable'),
      () => writer.query('COMMIT'),
    );
  });
});

describe('one key', () => {
  const delivery = { id: randomUUID() };
  const insert = (client: pg.Client, label: string) =>
    client.query('INSERT INTO api_service.infra_nodes (id, name, region) VALUES ($1, $2, $2)', [delivery.id, label]);
  const remove = (client: pg.Client) =>
    client.query('DELETE FROM api_service.infra_nodes WHERE id = $1', [delivery.id]);

  test('deleted and inserted again in one transaction, and in two, is the row that was inserted last', async () => {
    const writer = await session();
    await interleaved(
      () => insert(writer, 'one'),
      async () => {
        await writer.query('BEGIN');
        await remove(writer);
        await insert(writer, 'two');
      },
      () => writer.query('COMMIT'),
      () => remove(writer),
      () => insert(writer, 'three'),
      async () => {
        await remove(writer);
        await insert(writer, 'four');
      },
      () => remove(writer),
    );
  });

  test('of a parent, deleted and inserted again elsewhere, takes no child of the old one along', async () => {
    const { conversation } = await thread(central.nordhaven);
    const writer = await session();
    await interleaved(
      async () => {
        await writer.query('BEGIN');
        await writer.query('DELETE FROM api_service.conversations WHERE id = $1', [conversation]);
        await writer.query(
          `INSERT INTO api_service.conversations (id, organization_id, title, type) VALUES ($1, $2, 'Again', 'group')`,
          [conversation, central.southbay],
        );
        await say(writer, conversation, 'new');
      },
      () => writer.query('COMMIT'),
    );
  });

  test('that changes is a delete and an insert, with its children', async () => {
    const { conversation } = await thread(central.nordhaven);
    await interleaved(
      () => attend(central.client, conversation, 'bjorn'),
      () => central.client.query('UPDATE api_service.infra_nodes SET id = gen_random_uuid()'),
      async () => {
        const writer = await session();
        await writer.query('BEGIN');
        await writer.query('SET LOCAL session_replication_role = replica');
        await writer.query('UPDATE api_service.messages SET id = gen_random_uuid() WHERE conversation_id = $1', [
          conversation,
        ]);
        await writer.query('COMMIT');
      },
    );
  });

  test('that two rows swap with each other in one statement is no clash', async () => {
    await interleaved(
      () =>
        central.client.query(
          `UPDATE api_service.users SET full_name = CASE full_name WHEN 'Slow Writer' THEN 'Fast Writer' ELSE 'Slow Writer' END WHERE organization_id = $1`,
          [central.nordhaven],
        ),
      async () => {
        const writer = await session();
        await writer.query('BEGIN');
        const swap = async (from: string, to: string) =>
          writer.query('UPDATE api_service.users SET email = $2 WHERE email = $1', [from, to]);
        await swap('chloe@nordhaven.example', 'held@nordhaven.example');
        await swap('dario@nordhaven.example', 'chloe@nordhaven.example');
        await swap('held@nordhaven.example', 'dario@nordhaven.example');
        await writer.query('COMMIT');
      },
    );
  });
});

describe('three levels', () => {
  test('go with one cascade', async () => {
    const before = await shown(nordhaven, 'message_reactions');
    const { conversation } = await thread(central.nordhaven);
    const writer = await session();
    await interleaved(
      async () => {
        await writer.query('BEGIN');
        await writer.query('DELETE FROM api_service.conversations WHERE id = $1', [conversation]);
      },
      () => writer.query('COMMIT'),
    );
    expect(await shown(nordhaven, 'message_reactions')).toBe(before);
  });

  test('move with their parent, and back', async () => {
    const { conversation } = await thread(central.nordhaven);
    await interleaved(
      () => move(central.client, conversation, central.southbay),
      () => move(central.client, conversation, central.nordhaven),
      async () => {
        await move(central.client, conversation, central.southbay);
        await central.client.query('DELETE FROM api_service.messages WHERE conversation_id = $1', [conversation]);
        await say(central.client, conversation, 'while away');
        await move(central.client, conversation, central.nordhaven);
      },
    );
  });

  test('follow a child that moves between parents, of one organization and of two', async () => {
    const here = await thread(central.nordhaven);
    const beside = await thread(central.nordhaven);
    const there = await thread(central.southbay);
    const writer = await session();
    const bring = (client: pg.Client, message: string, conversation: string) =>
      client.query('UPDATE api_service.messages SET conversation_id = $2 WHERE id = $1', [message, conversation]);
    await interleaved(
      () => bring(central.client, here.message, beside.conversation),
      () => bring(central.client, here.message, there.conversation),
      async () => {
        await writer.query('BEGIN');
        await react(writer, here.message);
      },
      () => bring(central.client, here.message, here.conversation),
      () => writer.query('COMMIT'),
      async () => {
        await bring(central.client, here.message, beside.conversation);
        await central.client.query('DELETE FROM api_service.conversations WHERE id = $1', [here.conversation]);
      },
    );
  });
});

describe('many rows at once', () => {
  test('by TRUNCATE with CASCADE, while another transaction is open', async () => {
    const { conversation } = await thread(central.nordhaven);
    const [open, writer] = [await session(), await session()];
    await pull();
    await open.query('BEGIN');
    await rename(open, 'oskar', 'Open Meanwhile');
    await writer.query('BEGIN');
    await writer.query('TRUNCATE api_service.messages CASCADE');
    await pull();
    await interleaved(
      () => writer.query('COMMIT'),
      () => say(writer, conversation, 'after the truncation'),
      () => open.query('COMMIT'),
    );
    expect(await shown(nordhaven, 'messages')).toBe(1);
  });

  test('by TRUNCATE, rolled back', async () => {
    await thread(central.nordhaven);
    await pull();
    const before = await shown(nordhaven, 'message_reactions');
    const writer = await session();
    await interleaved(async () => {
      await writer.query('BEGIN');
      await writer.query('TRUNCATE api_service.conversations CASCADE');
      await writer.query('ROLLBACK');
    });
    expect(await shown(nordhaven, 'message_reactions')).toBe(before);
  });

  test('by COPY FROM', async () => {
    const writer = await session();
    await interleaved(async () => {
      const stream = writer.query(from('COPY api_service.infra_nodes (name, region) FROM STDIN'));
      for (let n = 0; n < 1_000; n++) stream.write(`bulk ${n}\tnorth\n`);
      await new Promise<void>((resolve, reject) => {
        stream.on('finish', resolve).on('error', reject);
        stream.end();
      });
    });
    expect(await shown(nordhaven, 'infra_nodes')).toBeGreaterThanOrEqual(1_000);
  });

  test('by an UPDATE of every row', async () => {
    await interleaved(
      () => central.client.query(`UPDATE api_service.infra_nodes SET region = region || ' west'`),
      () => central.client.query('UPDATE api_service.users SET full_name = full_name'),
      () => central.client.query('DELETE FROM api_service.infra_nodes'),
    );
  });

  test('by a writer whose ordinary triggers are off', async () => {
    const writer = await session();
    const conversation = randomUUID();
    await interleaved(
      async () => {
        await writer.query('SET session_replication_role = replica');
        await rename(writer, 'oskar', 'By Replication');
        await say(writer, conversation, 'before its parent');
      },
      () =>
        writer.query(
          `INSERT INTO api_service.conversations (id, organization_id, title, type) VALUES ($1, $2, 'Later', 'group')`,
          [conversation, central.nordhaven],
        ),
      () => writer.query('DELETE FROM api_service.conversations WHERE id = $1', [conversation]),
      () => writer.query('DELETE FROM api_service.messages WHERE conversation_id = $1', [conversation]),
    );
  });

  test('of which the parent comes last, in another transaction than its child', async () => {
    const [child, parent] = [await session(), await session()];
    const conversation = randomUUID();
    await interleaved(
      async () => {
        await child.query('BEGIN');
        await child.query('SET LOCAL session_replication_role = replica');
        await say(child, conversation, 'written before its parent');
      },
      () =>
        parent.query(
          `INSERT INTO api_service.conversations (id, organization_id, title, type) VALUES ($1, $2, 'Overtaken', 'group')`,
          [conversation, central.southbay],
        ),
      () => child.query('COMMIT'),
    );
  });
});
