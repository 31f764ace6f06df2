import type pg from 'pg';
import { LatchkeyError } from '../../contract/errors.ts';
import { quoteName } from '../quoting.ts';
import type { SystemMapping } from '../systems/system.ts';
import { holdBriefly } from './held-briefly.ts';
import { type InstallOptions, inOneTransaction, makeOwnObjects, releaseSql, roles } from './own-objects.ts';
import { recognizedSystem } from './recognize.ts';

/**
 * Installs Latchkey beside a system's tables, in one transaction: three schemas, NOLOGIN roles, one trigger pair a table, and, where
 * the host uses row-level security, a policy for `latchkey_owner` alone. With `dryRun` everything is tried and rolled back.
 *
 * @param system null: the one whose tables are there
 * @returns every statement that was run, in order
 * @throws LatchkeyError `schema-mismatch`, `already-installed`, `insufficient-privilege`
 */
export async function install(
  client: pg.Client,
  system: SystemMapping | null,
  options: InstallOptions = {},
): Promise<{ system: SystemMapping; sql: string }> {
  const { result, sql } = await inOneTransaction(
    client,
    async (recorded) => {
      await refuseSecondInstall(client);
      const wanted = system ?? (await recognizedSystem(client));
      await makeOwnObjects(recorded, wanted, { ...options, isComplete: true });
      return wanted;
    },
    options,
  );
  return { system: result, sql };
}

/**
 * Removes all of it, whatever became of the host's tables since: the catalogue is as it was before, host data untouched. Devices'
 * receipts and the audit log go with it.
 */
export async function uninstall(client: pg.Client, options: Omit<InstallOptions, 'dryRun'> = {}): Promise<void> {
  await inOneTransaction(client, async () => {
    const { rows: devices } = await client
      .query<{ login: string }>('SELECT login FROM latchkey.device')
      .catch((error: unknown) => {
        throw (error as { code?: string }).code === '42P01'
          ? new LatchkeyError(
              'central-not-latchkey',
              'Latchkey is not installed in this database. Nothing was changed.',
            )
          : error;
      });
    options.onPhase?.('views and logins of devices');
    await client.query('DROP SCHEMA latchkey_mirror CASCADE; DROP SCHEMA latchkey_write CASCADE');
    const { rows: database } = await client.query<{ name: string }>('SELECT current_database() AS name');
    for (const { login } of devices) {
      await client.query(
        'SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = $1 AND pid <> pg_backend_pid()',
        [login],
      );
      await client.query(`REVOKE CONNECT ON DATABASE ${quoteName(database[0]!.name)} FROM ${quoteName(login)}`);
      await client.query(`DROP ROLE ${quoteName(login)}`);
    }
    const released = await releaseSql(client, []);
    options.onPhase?.(`${released.length} statements that hold the tables for a moment: triggers, policies and grants`);
    await holdBriefly(client, [...released, 'DROP SCHEMA latchkey CASCADE'], options);
    await revokeSchemas(client);
    for (const role of roles) await dropRoleIfUnused(client, role);
  });
}

async function revokeSchemas(client: pg.Client): Promise<void> {
  const { rows } = await client.query<{ name: string }>(
    `SELECT DISTINCT n.nspname AS name FROM pg_namespace n, aclexplode(n.nspacl) a
     WHERE a.grantee IN (to_regrole('latchkey_owner'), to_regrole('latchkey_writer'))`,
  );
  for (const { name } of rows)
    await client.query(`REVOKE ALL ON SCHEMA ${quoteName(name)} FROM latchkey_owner, latchkey_writer`);
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
      'Latchkey is already installed in this database. Nothing was changed. To bring it up to date: latchkey central upgrade.',
    );
  }
}
