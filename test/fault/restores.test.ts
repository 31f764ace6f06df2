import { execFileSync } from 'node:child_process';
import { copyFileSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import pg from 'pg';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import {
  type EmbeddedServer,
  removeEmbeddedServer,
  startEmbeddedServer,
} from '../../src-main/core/central/embedded-server.ts';
import { install } from '../../src-main/core/central/install.ts';
import { migrateSystem } from '../../src-main/core/central/migrate.ts';
import { declareRestored, recoveredCommands } from '../../src-main/core/central/restored.ts';
import { skyGenesis } from '../../src-main/core/systems/sky-genesis.ts';
import { type BareDevice, bareDevice, joinedIdentity } from '../fixtures/bare-device.ts';
import { type FaultyWire, faultyWire } from '../fixtures/faulty-wire.ts';

const settings = {
  fsync: 'off',
  synchronous_commit: 'off',
  full_page_writes: 'off',
  shared_buffers: '32MB',
  max_connections: '40',
};
const database = 'nordhaven_central';
const rewound = { code: 'central-rewound', message: expect.stringContaining('was kept') };
const places: string[] = [];
const folder = () => {
  places.push(mkdtempSync(join(tmpdir(), 'latchkey-restores-')));
  return places.at(-1)!;
};

/** A PostgreSQL that can be stopped, copied and started again, as it is after that: its folder outlives it. */
class Server {
  readonly place = folder();
  private running: EmbeddedServer | null = null;
  cluster = '';

  async start(more: Record<string, string> = {}): Promise<void> {
    this.running ??= await startEmbeddedServer({ dataFolder: this.place, settings: { ...settings, ...more } });
    this.cluster = this.running.cluster;
  }

  async stop(): Promise<void> {
    await this.running?.stop();
    this.running = null;
  }

  url(name = database): string {
    const url = new URL(this.running!.superuserUrl);
    url.pathname = `/${name}`;
    return url.href;
  }

  async sql(text: string, values: unknown[] = [], name = database): Promise<Record<string, unknown>[]> {
    return this.admin(async (client) => (await client.query(text, values)).rows, name);
  }

  async admin<T>(work: (client: pg.Client) => Promise<T>, name = database): Promise<T> {
    const client = new pg.Client({ connectionString: this.url(name) });
    client.on('error', () => {});
    await client.connect();
    try {
      return await work(client);
    } finally {
      await client.end();
    }
  }

  /** What a file-level backup holds; the server must stand still. */
  backup(): string {
    const copy = join(dirname(this.cluster), `backup-${Date.now()}`);
    execFileSync('cp', ['-a', this.cluster, copy]);
    return copy;
  }

  restore(copy: string): void {
    rmSync(this.cluster, { recursive: true });
    execFileSync('cp', ['-a', copy, this.cluster]);
  }
}

let primary: Server;
let wire: FaultyWire;
let nordhaven: string;
const devices: BareDevice[] = [];

beforeAll(async () => {
  primary = new Server();
  await primary.start();
  await primary.sql(`CREATE DATABASE ${database}`, [], 'postgres');
  await primary.admin(async (client) => {
    await migrateSystem(client, 'sky-genesis', 'up');
    const { rows } = await client.query(
      `INSERT INTO api_service.organizations (name) VALUES ('Nordhaven') RETURNING id`,
    );
    nordhaven = rows[0].id;
    await client.query(
      `INSERT INTO api_service.users (organization_id, email, full_name, password_hash, role, status)
       SELECT $1, name || '@nordhaven.example', name, 'x', 'admin', 'active' FROM unnest('{astrid,bjorn,chloe,dario}'::TEXT[]) AS name`,
      [nordhaven],
    );
    await install(client, skyGenesis);
  });
  wire = await faultyWire(primary.url());
}, 120_000);
beforeEach(() => wire.leadsTo(primary.url()));
afterEach(async () => {
  for (const { side } of devices.splice(0)) await side.close();
});
afterAll(async () => {
  await wire?.close();
  for (const server of [primary, ...standbys]) await server.stop();
  for (const place of places) {
    await removeEmbeddedServer(place);
    rmSync(place, { recursive: true, force: true });
  }
});

async function device(): Promise<BareDevice> {
  const identity = await primary.admin((client) =>
    joinedIdentity({ client, nordhaven, url: primary.url() }, { url: wire.through(primary.url()) }),
  );
  const made = bareDevice({ folder }, identity);
  devices.push(made);
  await sync(made);
  return made;
}
const sync = ({ side }: BareDevice) => side.handle('sync.now', {});
const equal = async ({ side }: BareDevice) =>
  expect(await side.handle('mirror.check', { repair: false })).toMatchObject({ equal: true });
const edit = async ({ side }: BareDevice, person: string, name: string) =>
  ((await side.handle('people.edit', { person: `${person}@nordhaven.example`, name })) as { command: string }).command;
const shown = ({ mirror }: BareDevice, person: string) =>
  mirror.database
    .prepare('SELECT name FROM latchkey_person WHERE email = ?')
    .pluck()
    .get(`${person}@nordhaven.example`);
const nameAt = async (server: Server, person: string) =>
  (await server.sql('SELECT full_name FROM api_service.users WHERE email = $1', [`${person}@nordhaven.example`]))[0]!
    .full_name;
const hostSays = (server: Server, person: string, name: string) =>
  server.sql('UPDATE api_service.users SET full_name = $2 WHERE email = $1', [`${person}@nordhaven.example`, name]);
const states = ({ mirror }: BareDevice) =>
  mirror.database.prepare('SELECT state FROM latchkey_outbox ORDER BY position').pluck().all();
/** Every row of the mirror, and what is queued: what a refused central must not change. */
const everything = ({ mirror }: BareDevice) =>
  JSON.stringify(
    ['users', 'audit_events', 'latchkey_outbox', 'latchkey_entry', 'latchkey_pending'].map((table) =>
      mirror.database.prepare(`SELECT * FROM ${table} ORDER BY 1`).all(),
    ),
  );
const burnTransactions = (server: Server, howMany: number) =>
  server.sql(`DO $$ BEGIN FOR n IN 1..${howMany} LOOP PERFORM pg_current_xact_id(); COMMIT; END LOOP; END $$`);

describe('a central whose folder was put back to an earlier copy', () => {
  const putBack = async (copy: string) => {
    await primary.stop();
    primary.restore(copy);
    await primary.start();
    wire.leadsTo(primary.url());
  };
  const backup = async () => {
    await primary.stop();
    const copy = primary.backup();
    await primary.start();
    wire.leadsTo(primary.url());
    return copy;
  };

  test('is an alarm and not a routine; once it is declared, what it lost is offered again', async () => {
    const one = await device();
    const witness = await device();
    const copy = await backup();
    const lost = await edit(one, 'chloe', 'Accepted, and lost');
    await sync(one);
    await sync(witness);
    expect(shown(witness, 'chloe')).toBe('Accepted, and lost');
    await putBack(copy);

    const queued = await edit(one, 'dario', 'Queued meanwhile');
    const before = everything(one);
    for (const which of [one, witness]) await expect(sync(which)).rejects.toMatchObject(rewound);
    expect(one.told.at(-1)).toMatchObject({ mode: 'attention', pending: 1, problem: rewound });
    expect(everything(one)).toBe(before);
    expect(shown(witness, 'chloe')).toBe('Accepted, and lost');
    expect(await nameAt(primary, 'dario')).toBe('dario');

    await primary.admin((client) => declareRestored(client, 'the disk of central was put back'));
    await sync(one);
    await sync(witness);
    expect([await nameAt(primary, 'chloe'), await nameAt(primary, 'dario')]).toEqual([
      'Accepted, and lost',
      'Queued meanwhile',
    ]);
    expect((await primary.admin(recoveredCommands)).map(({ command }) => command)).toEqual([lost]);
    expect(
      await primary.sql('SELECT count(*)::INT AS n FROM latchkey.command WHERE id = ANY ($1)', [[lost, queued]]),
    ).toEqual([{ n: 2 }]);
    await sync(one);
    expect(states(one)).toEqual(['in-force', 'in-force']);
    for (const which of [one, witness]) await equal(which);
  });

  test('counts its transactions from anew: what it has accepted is in force when it is seen, whatever its number was', async () => {
    const one = await device();
    const accepted = await edit(one, 'chloe', 'Accepted before');
    await sync(one);
    // What a copy into a younger cluster finds: a receipt of a transaction that this one will not come to for long.
    one.mirror.database
      .prepare(`UPDATE latchkey_outbox SET state = 'accepted', xid = '900000000000' WHERE command = ?`)
      .run(accepted);
    await sync(one);
    expect(states(one)).toEqual(['accepted']);
    await primary.admin((client) => declareRestored(client, 'copied into a new cluster'));
    await sync(one);
    expect(states(one)).toEqual(['in-force']);
    await hostSays(primary, 'chloe', 'chloe');
  });

  test("is an alarm too when only the host's own changes were lost", async () => {
    const one = await device();
    const copy = await backup();
    await hostSays(primary, 'bjorn', 'Said by the host, and lost');
    await sync(one);
    await putBack(copy);
    await expect(sync(one)).rejects.toMatchObject(rewound);
    expect(shown(one, 'bjorn')).toBe('Said by the host, and lost');
    await primary.admin((client) => declareRestored(client, 'the disk of central was put back'));
    await sync(one);
    expect(shown(one, 'bjorn')).toBe('bjorn');
    await equal(one);
  });

  test("is an alarm too when the host's changes were lost and its transactions have grown past what was known", async () => {
    const one = await device();
    const copy = await backup();
    await hostSays(primary, 'bjorn', 'Said by the host, and lost');
    await sync(one);
    await putBack(copy);
    await burnTransactions(primary, 200);
    await hostSays(primary, 'astrid', 'Said since');
    await expect(sync(one)).rejects.toMatchObject(rewound);
    await primary.admin((client) => declareRestored(client, 'the disk of central was put back'));
    await sync(one);
    expect([shown(one, 'bjorn'), shown(one, 'astrid')]).toEqual(['bjorn', 'Said since']);
    await equal(one);
    await hostSays(primary, 'astrid', 'astrid');
  });

  test('is followed as if nothing had been where it lost nothing that was seen, though it gives its numbers anew', async () => {
    const one = await device();
    await hostSays(primary, 'astrid', 'Before');
    await sync(one);
    const copy = await backup();
    await burnTransactions(primary, 500);
    // Half a minute without changes, and the cursor moves on over what is about to be lost.
    one.mirror.setMeta('last_sync', '2020-01-01T00:00:00.000000Z');
    await sync(one);
    await putBack(copy);
    await hostSays(primary, 'bjorn', 'Under a number that was given before');
    await burnTransactions(primary, 1_000);
    await sync(one);
    expect(shown(one, 'bjorn')).toBe('Under a number that was given before');
    await equal(one);
    await hostSays(primary, 'bjorn', 'bjorn');
    await hostSays(primary, 'astrid', 'astrid');
  });

  test('is an alarm too when its log has grown past what was known', async () => {
    const one = await device();
    const other = await device();
    const copy = await backup();
    await edit(other, 'bjorn', 'Lost');
    await sync(other);
    await sync(one);
    await putBack(copy);
    const newcomer = await device();
    for (const name of ['A', 'B', 'C']) await edit(newcomer, 'chloe', name);
    await sync(newcomer);
    await burnTransactions(primary, 200);
    for (const which of [one, other]) await expect(sync(which)).rejects.toMatchObject(rewound);
    await primary.admin((client) => declareRestored(client, 'the disk of central was put back'));
    for (const which of [one, other, newcomer]) {
      await sync(which);
      await sync(which);
    }
    expect(await nameAt(primary, 'bjorn')).toBe('Lost');
    for (const which of [one, other, newcomer]) {
      await sync(which);
      await equal(which);
    }
  });
});

const standbys: Server[] = [];
describe('a standby', () => {
  let standby: Server;
  beforeEach(async () => {
    standby = new Server();
    standbys.push(standby);
    await standby.start();
    await standby.stop();
    await primary.stop();
    const copy = primary.backup();
    standby.restore(copy);
    copyFileSync(join(primary.place, 'superuser-password'), join(standby.place, 'superuser-password'));
    execFileSync('cp', [
      '--preserve=ownership',
      join(standby.cluster, 'PG_VERSION'),
      join(standby.cluster, 'standby.signal'),
    ]);
    await primary.start();
    wire.leadsTo(primary.url());
    const { hostname, port, password } = new URL(primary.url());
    await standby.start({
      primary_conninfo: `host=${hostname} port=${port} user=postgres password=${password}`,
      hot_standby: 'on',
    });
  }, 120_000);

  const caughtUp = async () => {
    const [{ lsn }] = (await primary.sql('SELECT pg_current_wal_insert_lsn()::TEXT AS lsn')) as [{ lsn: string }];
    while ((await standby.sql('SELECT pg_last_wal_replay_lsn() >= $1::PG_LSN AS there', [lsn]))[0]!.there !== true)
      await pause(50);
  };
  const promote = async () => {
    await primary.stop();
    await standby.sql('SELECT pg_promote()');
    wire.leadsTo(standby.url());
  };
  // The next test finds a primary that never heard of this one.
  afterEach(async () => {
    await standby.stop();
    await primary.start();
  });

  test('is refused, and nothing changes', async () => {
    const one = await device();
    await edit(one, 'chloe', 'Waits for a primary');
    const before = everything(one);
    await caughtUp();
    wire.leadsTo(standby.url());
    await expect(sync(one)).rejects.toMatchObject({
      code: 'central-standby',
      message: expect.stringContaining('Nothing was changed'),
    });
    expect(everything(one).replaceAll(/"sent_at":[^,]*/g, '')).toBe(before.replaceAll(/"sent_at":[^,]*/g, ''));
    wire.leadsTo(primary.url());
    expect(await sync(one)).toMatchObject({ mode: 'idle', pending: 0 });
  });

  test('that was promoted and had everything is gone on with: a fresh copy, and the queue is sent', async () => {
    const one = await device();
    await edit(one, 'chloe', 'Before the promotion');
    await sync(one);
    await hostSays(primary, 'bjorn', 'Host before');
    await caughtUp();
    await edit(one, 'dario', 'Queued over it');
    await promote();
    await hostSays(standby, 'bjorn', 'Host after');
    await sync(one);
    expect([await nameAt(standby, 'chloe'), await nameAt(standby, 'dario')]).toEqual([
      'Before the promotion',
      'Queued over it',
    ]);
    expect(shown(one, 'bjorn')).toBe('Host after');
    await sync(one);
    expect(states(one)).toEqual(['in-force', 'in-force']);
    await equal(one);
  });

  test('that was promoted without what had been acknowledged is an alarm, and gets it back once that is declared', async () => {
    const one = await device();
    await caughtUp();
    await standby.sql('SELECT pg_wal_replay_pause()');
    // Received and not replayed would still be replayed at the promotion: it must not even arrive.
    await primary.sql(`SELECT pg_terminate_backend(pid) FROM pg_stat_replication`);
    await standby.stop();
    const lost = await edit(one, 'chloe', 'Acknowledged by the old primary');
    await sync(one);
    await primary.stop();
    await standby.start({ primary_conninfo: '', hot_standby: 'on' });
    await standby.sql('SELECT pg_promote()');
    wire.leadsTo(standby.url());
    await expect(sync(one)).rejects.toMatchObject(rewound);
    expect(shown(one, 'chloe')).toBe('Acknowledged by the old primary');
    await standby.admin((client) => declareRestored(client, 'the primary burnt down'));
    await sync(one);
    expect(await nameAt(standby, 'chloe')).toBe('Acknowledged by the old primary');
    expect((await standby.admin(recoveredCommands)).map(({ command }) => command)).toEqual([lost]);
    await equal(one);
  });
});

describe('the same data in another place', () => {
  test('another database of the same cluster takes a fresh copy and keeps the queue', async () => {
    const one = await device();
    await edit(one, 'chloe', 'Queued over the move');
    await one.side.handle('sync.set-offline', { workOffline: true });
    await primary.sql(
      `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '${database}'`,
      [],
      'postgres',
    );
    await primary.sql(`ALTER DATABASE ${database} RENAME TO moved_away`, [], 'postgres');
    await primary.sql(`CREATE DATABASE ${database} TEMPLATE moved_away`, [], 'postgres');
    await hostSays(primary, 'bjorn', 'Only here');
    await one.side.handle('sync.set-offline', { workOffline: false });
    await sync(one);
    expect(await nameAt(primary, 'chloe')).toBe('Queued over the move');
    expect(shown(one, 'bjorn')).toBe('Only here');
    await equal(one);
  });

  test('a dump that was loaded over it is known by the tables being others, with nothing else changed', async () => {
    const one = await device();
    await primary.sql(
      `BEGIN; ALTER TABLE latchkey.epoch RENAME TO epoch_before; CREATE TABLE latchkey.epoch (LIKE latchkey.epoch_before INCLUDING ALL);
       INSERT INTO latchkey.epoch SELECT * FROM latchkey.epoch_before;
       ALTER TABLE latchkey.epoch OWNER TO latchkey_owner;
       ALTER TABLE api_service.users DISABLE TRIGGER "00_latchkey_change";
       UPDATE api_service.users SET full_name = 'As in the dump' WHERE email = 'bjorn@nordhaven.example';
       ALTER TABLE api_service.users ENABLE ALWAYS TRIGGER "00_latchkey_change"; COMMIT`,
    );
    await sync(one);
    expect(shown(one, 'bjorn')).toBe('As in the dump');
    await equal(one);
  });
});
