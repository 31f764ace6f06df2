import type pg from 'pg';
import { LatchkeyError } from '../../contract/errors.ts';
import { quoteName, quoteText } from '../quoting.ts';
import { systemNamed } from '../systems/index.ts';
import type { SystemMapping } from '../systems/system.ts';
import { type HostTable, mirroredTableRow, readerRole, readHostTables, trackingSql, viewSql } from './generate.ts';
import { runMigrationsInTransaction } from './migrate.ts';

const roles = [
  'latchkey_owner',
  'latchkey_writer',
  'latchkey_device',
  readerRole('admin'),
  readerRole('operator'),
  readerRole('auditor'),
  'latchkey_admin',
  'latchkey_operator',
  'latchkey_auditor',
];

/**
 * Installs Latchkey beside a system's tables, in one transaction: three schemas, NOLOGIN roles, one trigger pair a table, and, where
 * the host uses row-level security, a policy for `latchkey_owner` alone. With `dryRun` everything is tried and rolled back.
 *
 * @returns every statement that was run, in order
 * @throws LatchkeyError `unknown-system`, `schema-mismatch`, `already-installed`, `insufficient-privilege`
 */
export async function install(
  client: pg.Client,
  systemName: string,
  options: { dryRun?: boolean } = {},
): Promise<{ sql: string }> {
  const system = systemNamed(systemName);
  await refuseSecondInstall(client);
  const tables = await readHostTables(client, system);
  const { recorded, statements } = recording(client);
  await client.query('BEGIN');
  try {
    await client.query(`SET LOCAL lock_timeout = '5s'; SET LOCAL client_min_messages = 'warning'`);
    await createRoles(recorded);
    await grantHost(recorded, system, tables);
    await recorded.query('SET LOCAL ROLE latchkey_owner');
    await runMigrationsInTransaction(recorded, 'latchkey', 'up');
    await describeSystem(recorded, system, tables);
    for (const table of tables) for (const sql of viewSql(system, table)) await recorded.query(sql);
    await track(recorded, system, tables);
    await grantDevices(recorded);
    await client.query(options.dryRun ? 'ROLLBACK' : 'COMMIT');
  } catch (error) {
    await client.query('ROLLBACK');
    throw installError(error);
  }
  return {
    sql: `BEGIN;\n${statements.map((statement) => `${statement.trim().replace(/;$/, '')};\n`).join('\n')}\nCOMMIT;\n`,
  };
}

/** Removes all of it: the catalogue is as it was before, host data untouched. Devices' receipts and the audit log go with it. */
export async function uninstall(client: pg.Client): Promise<void> {
  const { rows } = await client
    .query<{ system: string }>(`SELECT system FROM latchkey.installation`)
    .catch((error: unknown) => {
      throw (error as { code?: string }).code === '42P01'
        ? new LatchkeyError('central-not-latchkey', 'Latchkey is not installed in this database. Nothing was changed.')
        : installError(error);
    });
  const system = systemNamed(rows[0]!.system);
  const tables = await readHostTables(client, system);
  await client.query('BEGIN');
  try {
    await client.query(`SET LOCAL lock_timeout = '5s'; SET LOCAL client_min_messages = 'warning'`);
    const { rows: devices } = await client.query<{ login: string }>('SELECT login FROM latchkey.device');
    for (const table of tables) {
      const relation = `${quoteName(system.schema)}.${quoteName(table.name)}`;
      await client.query(`DROP TRIGGER "00_latchkey_change" ON ${relation}`);
      for (const target of [relation, ...table.partitions])
        await client.query(`DROP TRIGGER IF EXISTS "00_latchkey_truncate" ON ${target}`);
      await client.query(`DROP POLICY IF EXISTS latchkey ON ${relation}`);
    }
    await client.query(
      'DROP SCHEMA latchkey_mirror CASCADE; DROP SCHEMA latchkey_write CASCADE; DROP SCHEMA latchkey CASCADE',
    );
    const { rows: database } = await client.query<{ name: string }>('SELECT current_database() AS name');
    for (const { login } of devices) {
      await client.query(
        'SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = $1 AND pid <> pg_backend_pid()',
        [login],
      );
      await client.query(`REVOKE CONNECT ON DATABASE ${quoteName(database[0]!.name)} FROM ${quoteName(login)}`);
      await client.query(`DROP ROLE ${quoteName(login)}`);
    }
    await revokeHost(client, system, tables);
    for (const role of roles) await dropRoleIfUnused(client, role);
    await client.query('COMMIT');
  } catch (error) {
    await client.query('ROLLBACK');
    throw installError(error);
  }
}

/** Roles belong to the whole cluster: another database may still use them. */
async function dropRoleIfUnused(client: pg.Client, role: string): Promise<void> {
  await client.query('SAVEPOINT before_role');
  try {
    await client.query(`DROP ROLE ${role}`);
  } catch (error) {
    await client.query('ROLLBACK TO SAVEPOINT before_role');
    if ((error as { code?: string }).code !== '2BP01') throw error;
  }
}

async function refuseSecondInstall(client: pg.Client): Promise<void> {
  const { rows } = await client.query(`SELECT to_regclass('latchkey.installation') IS NOT NULL AS present`);
  if (rows[0].present === true || rows[0].present === 't') {
    throw new LatchkeyError(
      'already-installed',
      'Latchkey is already installed in this database. Nothing was changed.',
    );
  }
}

async function createRoles(client: pg.Client): Promise<void> {
  for (const role of roles) {
    await client.query(
      `DO $$ BEGIN CREATE ROLE ${role} NOLOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOBYPASSRLS; EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL; END $$`,
    );
  }
  await client.query(
    `DO $$ BEGIN
       IF NOT (SELECT rolsuper FROM pg_roles WHERE rolname = CURRENT_USER) THEN EXECUTE format('GRANT latchkey_owner, latchkey_writer TO %I', CURRENT_USER); END IF;
     END $$`,
  );
  await client.query('CREATE SCHEMA latchkey AUTHORIZATION latchkey_owner');
  await client.query('CREATE SCHEMA latchkey_mirror AUTHORIZATION latchkey_owner');
  await client.query('CREATE SCHEMA latchkey_write AUTHORIZATION latchkey_owner');
}

/** latchkey_owner alone holds grants on the host's tables; it owns the views through which everything else goes. */
async function grantHost(client: pg.Client, system: SystemMapping, tables: HostTable[]): Promise<void> {
  await client.query(`GRANT USAGE ON SCHEMA ${quoteName(system.schema)} TO latchkey_owner, latchkey_writer`);
  for (const table of tables) {
    const relation = `${quoteName(system.schema)}.${quoteName(table.name)}`;
    const writes = table.mapping.rights || table.name === system.activity.table ? ', INSERT, UPDATE' : '';
    await client.query(`GRANT SELECT${writes} ON ${relation} TO latchkey_owner`);
    if (writes)
      for (const sequence of table.sequences)
        await client.query(`GRANT USAGE ON SEQUENCE ${sequence} TO latchkey_owner`);
    if (table.rowSecurity)
      await client.query(`CREATE POLICY latchkey ON ${relation} TO latchkey_owner USING (TRUE) WITH CHECK (TRUE)`);
  }
}

/** Undoes `grantHost`. One by one, as the tables' owner may: DROP OWNED would need more rights than installing did. */
async function revokeHost(client: pg.Client, system: SystemMapping, tables: HostTable[]): Promise<void> {
  for (const table of tables) {
    await client.query(`REVOKE ALL ON ${quoteName(system.schema)}.${quoteName(table.name)} FROM latchkey_owner`);
    for (const sequence of table.sequences)
      await client.query(`REVOKE ALL ON SEQUENCE ${sequence} FROM latchkey_owner`);
  }
  await client.query(`REVOKE ALL ON SCHEMA ${quoteName(system.schema)} FROM latchkey_owner, latchkey_writer`);
}

async function describeSystem(client: pg.Client, system: SystemMapping, tables: HostTable[]): Promise<void> {
  await client.query(
    `INSERT INTO latchkey.installation (system, mapping) VALUES (${quoteText(system.name)}, ${quoteText(JSON.stringify(system))})`,
  );
  await client.query(`INSERT INTO latchkey.epoch (reason) VALUES ('installed')`);
  for (const table of tables) {
    const row = mirroredTableRow(system, table);
    await client.query(
      `INSERT INTO latchkey.mirrored_table (name, relation, key_columns, parent, log_window, write_only, rules)
       VALUES (${quoteText(row.name)}, ${quoteText(row.relation)}, ARRAY[${row.key.map(quoteText).join(', ')}],
         ${row.parent ? `${quoteText(JSON.stringify(row.parent))}::JSONB` : 'NULL'},
         ${row.window ? `${quoteText(JSON.stringify(row.window))}::JSONB` : 'NULL'},
         ARRAY[${row.writeOnly.map(quoteText).join(', ')}]::TEXT[], ${quoteText(JSON.stringify(row.rules))}::JSONB)`,
    );
  }
}

async function track(client: pg.Client, system: SystemMapping, tables: HostTable[]): Promise<void> {
  const { rows } = await client.query<{ name: string; id: number }>('SELECT name, id FROM latchkey.mirrored_table');
  const ids = new Map(rows.map((row) => [row.name, Number(row.id)]));
  const generated = tables.map((table) => trackingSql(system, table, ids.get(table.name)!));
  for (const { functions } of generated) for (const sql of functions) await client.query(sql);
  // The functions are latchkey_owner's, the tables the host's: triggers are created by whoever may alter the tables.
  await client.query('RESET ROLE');
  for (const { triggers } of generated) for (const sql of triggers) await client.query(sql);
}

async function grantDevices(client: pg.Client): Promise<void> {
  await client.query('GRANT CREATE ON SCHEMA latchkey TO latchkey_writer');
  await client.query(
    'ALTER FUNCTION latchkey.apply_change(TEXT, TEXT[], TEXT[], JSONB, NAME, JSONB) OWNER TO latchkey_writer',
  );
  await client.query('REVOKE CREATE ON SCHEMA latchkey FROM latchkey_writer');
  await client.query('REVOKE ALL ON ALL FUNCTIONS IN SCHEMA latchkey FROM PUBLIC');
  await client.query(
    'GRANT EXECUTE ON FUNCTION latchkey.apply_change(TEXT, TEXT[], TEXT[], JSONB, NAME, JSONB) TO latchkey_owner',
  );
  await client.query('GRANT USAGE ON SCHEMA latchkey, latchkey_mirror TO latchkey_device');
  await client.query('GRANT USAGE ON SCHEMA latchkey, latchkey_write TO latchkey_writer');
  await client.query('GRANT EXECUTE ON FUNCTION latchkey.current_organization() TO latchkey_device, latchkey_writer');
  await client.query(
    `GRANT EXECUTE ON FUNCTION latchkey.hello(BIGINT), latchkey.catalogue(), latchkey.join(BYTEA), latchkey.changes_since(pg_snapshot),
       latchkey.moved_in_before(pg_snapshot),
       latchkey.push(TEXT, TEXT), latchkey.receipts(UUID[]), latchkey.quarantine(), latchkey.decide(UUID, TEXT) TO latchkey_device`,
  );
}

/** The same client, keeping the text of every statement that goes through. */
function recording(client: pg.Client): { recorded: pg.Client; statements: string[] } {
  const statements: string[] = [];
  const recorded = new Proxy(client, {
    get(target, property) {
      if (property !== 'query') return Reflect.get(target, property, target);
      return (text: string, values?: unknown[]) => {
        if (typeof text === 'string' && !/^\s*SELECT/i.test(text)) statements.push(text);
        return target.query(text, values);
      };
    },
  });
  return { recorded, statements };
}

export function installError(error: unknown): LatchkeyError {
  if (error instanceof LatchkeyError) return error;
  const { code, message } = error as { code?: string; message?: string };
  if (code === '42501') {
    return new LatchkeyError(
      'insufficient-privilege',
      `This login lacks a right that the step needs (${message}). Nothing was changed. Use the owner of the host's schema with CREATEROLE, or a superuser.`,
      { cause: error },
    );
  }
  if (code === '55P03') {
    return new LatchkeyError(
      'central-refused',
      'A table is locked by other work for more than 5 seconds. Nothing was changed; try again at a quieter moment.',
      { cause: error },
    );
  }
  return new LatchkeyError('central-refused', `PostgreSQL refused: ${message ?? String(error)}. Nothing was changed.`, {
    details: { sqlstate: code },
    cause: error,
  });
}
