import type pg from 'pg';
import { LatchkeyError } from '../../contract/errors.ts';
import { quoteName, quoteText } from '../quoting.ts';
import { placeOf } from '../systems/places.ts';
import type { SystemMapping } from '../systems/system.ts';
import { activitySql, toldColumns } from './activity.ts';
import { entitlementSql } from './entitlement.ts';
import { decisiveColumns, mirroredTableRow, readerRole, trackingSql, viewSql } from './generate.ts';
import { holdBriefly } from './held-briefly.ts';
import { type HostTable, readHostTables, relationOf } from './host-tables.ts';
import { keyUpkeepSql, keyValiditySql } from './key-validity.ts';
import { runMigrationsInTransaction } from './migrate.ts';

export interface InstallOptions {
  /** Everything is tried and rolled back. */
  dryRun?: boolean;
  /** For how long to come again where the host's own work is in the way. */
  waitSeconds?: number;
  /** Called with what is being done, in words. */
  onPhase?: (phase: string) => void;
}

/** What devices of a capability may read is granted to these. */
const readerRoles = [readerRole('admin'), readerRole('operator'), readerRole('auditor')];
/** What operators of a capability may write is granted to these. Nobody is a member: central asks whether they hold a right. */
const writeRoles = ['latchkey_admin', 'latchkey_operator', 'latchkey_auditor'];

export const roles = ['latchkey_owner', 'latchkey_writer', 'latchkey_device', ...readerRoles, ...writeRoles];

/**
 * Runs `work` in one transaction that changes everything or nothing, in a session that searches pg_catalog alone and waits for no lock
 * longer than five seconds: whoever waits for a lock makes the host's own work wait behind it.
 *
 * @param options.dryRun everything is tried and rolled back
 * @throws LatchkeyError
 */
export async function inOneTransaction<T>(
  client: pg.Client,
  work: (recorded: pg.Client) => Promise<T>,
  options: Pick<InstallOptions, 'dryRun'> = {},
): Promise<{ result: T; sql: string }> {
  const { recorded, statements } = recording(client);
  await client.query('BEGIN');
  try {
    await recorded.query(
      `SET LOCAL search_path = pg_catalog; SET LOCAL lock_timeout = '5s'; SET LOCAL client_min_messages = 'warning'`,
    );
    const result = await work(recorded);
    await client.query(options.dryRun ? 'ROLLBACK' : 'COMMIT');
    return {
      result,
      sql: `BEGIN;\n${statements.map((statement) => `${statement.trim().replace(/;$/, '')};\n`).join('\n')}\nCOMMIT;\n`,
    };
  } catch (error) {
    await client.query('ROLLBACK').catch(() => {});
    throw installError(error);
  }
}

/**
 * Brings everything that is Latchkey's in this database to this version and to these tables of the host, whatever of it is there
 * already: roles, schemas, grants, migrations, views, functions, triggers. What devices left here stays. What locks the host's tables comes
 * last, together with `released`.
 *
 * @param isComplete whether every column that the mapping names must be there
 * @throws LatchkeyError `central-too-new`, `schema-mismatch`
 */
export async function makeOwnObjects(
  client: pg.Client,
  system: SystemMapping,
  { isComplete, released = [], onPhase, ...options }: InstallOptions & { isComplete: boolean; released?: string[] },
): Promise<void> {
  onPhase?.('roles and schemas');
  await createRoles(client);
  await migrateOwnSchema(client);
  await makeSidecars(client, system);
  const tables = await readHostTables(client, system, isComplete);
  onPhase?.(`${counted(tables.length, 'table')} of ${system.schema} read: rights on them`);
  await grantSchema(client, system);
  await grantHost(client, system, tables);
  await client.query('SET LOCAL ROLE latchkey_owner');
  await describeSystem(client, system);
  onPhase?.(`views of ${counted(tables.length, 'table')}`);
  await makeViews(client, system, tables);
  for (const make of [entitlementSql, activitySql, keyValiditySql, keyUpkeepSql])
    for (const sql of make(system, tables)) await client.query(sql);
  onPhase?.(`functions that track ${counted(tables.length, 'table')}`);
  const triggers = await track(client, system, tables);
  await grantDevices(client);
  const policies = policySql(system, tables);
  const locking = [...released, ...policies, ...triggers];
  if (locking.length > 0)
    onPhase?.(
      `${counted(locking.length, 'statement')} that hold the tables for a moment: triggers${policies.length > 0 ? `, and ${counted(policies.length, 'policy', 'policies')}` : ''}`,
    );
  await holdBriefly(client, locking, { ...options, onPhase });
}

function counted(count: number, one: string, several = `${one}s`): string {
  return `${count} ${count === 1 ? one : several}`;
}

/**
 * Tables for what the host does not have. One that is there stays as it is: it holds rows.
 * @throws LatchkeyError `schema-mismatch` where one is there with other columns, as one of Latchkey's own is
 */
export async function makeSidecars(client: pg.Client, system: SystemMapping): Promise<void> {
  for (const [name, { sidecar }] of Object.entries(system.tables)) {
    if (!sidecar) continue;
    const columns = Object.entries(sidecar.columns).map(([column, definition]) => `${quoteName(column)} ${definition}`);
    const relation = relationOf(system, { name });
    const key = sidecar.key.map(quoteName).join(', ');
    const refused = (why: string, cause?: unknown) =>
      new LatchkeyError('schema-mismatch', `${placeOf(['tables', name, 'sidecar'])}: ${why}. Nothing was changed.`, {
        cause,
      });
    const present = await columnsOfSidecar(client, name);
    if (present === null)
      await client
        .query(`CREATE TABLE ${relation} (${columns.join(', ')}, PRIMARY KEY (${key}))`)
        .catch((error: unknown) => {
          const { code = '', message } = error as { code?: string; message: string };
          throw code === '42501' || code === '55P03' ? error : refused(`PostgreSQL refused: ${message}`, error);
        });
    else if (present.toSorted().join() !== Object.keys(sidecar.columns).toSorted().join())
      throw refused(
        `the table ${relation} is there already, with other columns (${present.join(', ')}). Give it another name, or alter the table`,
      );
    await client.query(`ALTER TABLE ${relation} OWNER TO latchkey_owner`);
    await client.query(`COMMENT ON TABLE ${relation} IS ${quoteText(sidecar.comment)}`);
  }
}

/** Null where there is none. */
async function columnsOfSidecar(client: pg.Client, name: string): Promise<string[] | null> {
  const { rows } = await client.query<{ columns: string[] }>(
    `SELECT ARRAY(SELECT a.attname::TEXT FROM pg_catalog.pg_attribute a WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum) AS columns
     FROM pg_catalog.pg_class c WHERE c.relnamespace = to_regnamespace('latchkey') AND c.relname = $1`,
    [name],
  );
  return rows[0]?.columns ?? null;
}

/** @throws LatchkeyError `central-too-new`, `schema-mismatch` where what was applied is no file of this version's */
export async function migrateOwnSchema(client: pg.Client): Promise<void> {
  await client.query('SET LOCAL ROLE latchkey_owner');
  await runMigrationsInTransaction(client, 'latchkey', 'up');
  await client.query('RESET ROLE');
}

async function createRoles(client: pg.Client): Promise<void> {
  // Another installation of the cluster may be making the same ones, and nobody of the host waits behind us for these.
  await client.query(`SET LOCAL lock_timeout = '60s'`);
  for (const role of roles) {
    await client.query(
      `DO $$ BEGIN CREATE ROLE ${role} NOLOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOBYPASSRLS; EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL; END $$`,
    );
  }
  await client.query(`SET LOCAL lock_timeout = '5s'`);
  await client.query(
    `DO $$ BEGIN
       IF NOT (SELECT rolsuper FROM pg_roles WHERE rolname = CURRENT_USER) THEN EXECUTE format('GRANT latchkey_owner, latchkey_writer TO %I', CURRENT_USER); END IF;
     END $$`,
  );
  for (const schema of ['latchkey', 'latchkey_mirror', 'latchkey_write'])
    await client.query(`CREATE SCHEMA IF NOT EXISTS ${schema} AUTHORIZATION latchkey_owner`);
}

async function grantSchema(client: pg.Client, { schema }: SystemMapping): Promise<void> {
  await client.query(`GRANT USAGE ON SCHEMA ${quoteName(schema)} TO latchkey_owner, latchkey_writer`);
}

/** latchkey_owner alone holds grants on the host's tables; it owns the views through which everything else goes. */
async function grantHost(client: pg.Client, system: SystemMapping, tables: HostTable[]): Promise<void> {
  for (const table of tables) {
    if (table.mapping.sidecar) continue;
    const relation = relationOf(system, table);
    const writes = writesTo(system, table);
    await client.query(`GRANT ${['SELECT', ...writes].join(', ')} ON ${relation} TO latchkey_owner`);
    // What Latchkey itself told there of a person goes when they are erased; who acted, when and on what stays out of its reach.
    if (table.name === system.activity?.table) {
      const told = toldColumns(system).map(quoteName).join(', ');
      await client.query(`GRANT UPDATE (${told}) ON ${relation} TO latchkey_owner`);
    }
    if (writes.length > 0)
      for (const sequence of table.sequences)
        await client.query(`GRANT USAGE ON SEQUENCE ${sequence} TO latchkey_owner`);
  }
}

/** What devices may do to rows of a table, and, where it is the host's audit table, that there are new ones. */
function writesTo({ activity }: SystemMapping, { name, mapping }: HostTable): ('INSERT' | 'UPDATE')[] {
  const rights = Object.values(mapping.rights ?? {});
  const isInserted = name === activity?.table || rights.some(({ insert }) => insert !== undefined);
  const isUpdated = rights.some(({ update }) => update !== undefined);
  return [...(isInserted ? (['INSERT'] as const) : []), ...(isUpdated ? (['UPDATE'] as const) : [])];
}

function policySql(system: SystemMapping, tables: HostTable[]): string[] {
  return tables
    .filter(({ mapping, rowSecurity, admitsOwner }) => !mapping.sidecar && rowSecurity && !admitsOwner)
    .map(
      (table) =>
        `CREATE POLICY latchkey ON ${relationOf(system, table)} TO latchkey_owner USING (TRUE) WITH CHECK (TRUE)`,
    );
}

async function describeSystem(client: pg.Client, system: SystemMapping): Promise<void> {
  await client.query(
    `INSERT INTO latchkey.installation (system, mapping) VALUES (${quoteText(system.name)}, ${quoteText(JSON.stringify(system))})
     ON CONFLICT (singleton) DO UPDATE SET system = excluded.system, mapping = excluded.mapping`,
  );
  await client.query(`INSERT INTO latchkey.epoch (reason) VALUES ('installed') ON CONFLICT DO NOTHING`);
}

/** The views of all tables anew, and what devices look rows up by. A mirror's fingerprint stays the same where they do. */
async function makeViews(client: pg.Client, system: SystemMapping, tables: HostTable[]): Promise<void> {
  await dropViews(client);
  for (const table of tables) for (const sql of viewSql(system, table)) await client.query(sql);
}

/** Takes away what stands on the host's columns: its own ALTER TABLE would be refused because of them. Tracking goes on. */
export async function dropViews(client: pg.Client): Promise<void> {
  const { rows } = await client.query<{ statement: string }>(
    `SELECT format('DROP VIEW latchkey_write.%I CASCADE', c.relname) AS statement
     FROM pg_catalog.pg_class c WHERE c.relnamespace = to_regnamespace('latchkey_write') AND c.relkind = 'v' ORDER BY c.relname`,
  );
  for (const { statement } of rows) await client.query(statement);
}

/**
 * Each table keeps its number for as long as it is mirrored: the change log knows it by that.
 * @returns what makes the triggers that are missing, for whoever may alter the tables
 */
async function track(client: pg.Client, system: SystemMapping, tables: HostTable[]): Promise<string[]> {
  const known = await readMirroredTables(client);
  const triggers: string[] = [];
  for (const table of tables) {
    const before = known.get(table.name);
    const alike =
      before?.decisive === JSON.stringify(decisiveColumns(table).map(({ name, type }) => `${name} ${type}`));
    // Keys in the log are texts of a type: of another one they mean nothing.
    const id = before && alike ? before.id : await unusedNumber(client);
    await describeTable(client, system, table, id);
    const sql = trackingSql(system, table, id);
    for (const statement of sql.functions) await client.query(statement);
    triggers.push(...(table.isTracked ? [] : sql.triggers), ...sql.partitionTriggers);
    // Nobody knows what went by while nothing was watching: every mirror copies the table anew.
    if (before && !(table.isTracked && alike)) await client.query(sql.everything);
  }
  // The functions are latchkey_owner's, the tables the host's: triggers are created by whoever may alter the tables.
  await client.query('RESET ROLE');
  return triggers;
}

/** A number that no table has, nor had in what the change log still holds. */
async function unusedNumber(client: pg.Client): Promise<number> {
  const { rows } = await client.query<{ id: number }>(
    `SELECT 1 + greatest((SELECT coalesce(max(id), 0) FROM latchkey.mirrored_table), (SELECT coalesce(max(table_id), 0) FROM latchkey.change)) AS id`,
  );
  return Number(rows[0]!.id);
}

async function describeTable(client: pg.Client, system: SystemMapping, table: HostTable, id: number): Promise<void> {
  const row = mirroredTableRow(system, table);
  const list = (names: string[]) => `ARRAY[${names.map(quoteText).join(', ')}]::TEXT[]`;
  await client.query(
    `INSERT INTO latchkey.mirrored_table (id, name, relation, key_columns, decisive_columns, decisive_types, parent, log_window, write_only, rules)
     VALUES (${id}, ${quoteText(row.name)}, ${quoteText(row.relation)}, ${list(row.key)}, ${list(decisiveColumns(table).map(({ name }) => name))}, ${list(decisiveColumns(table).map(({ type }) => type))},
       ${row.parent ? `${quoteText(JSON.stringify(row.parent))}::JSONB` : 'NULL'},
       ${row.window ? `${quoteText(JSON.stringify(row.window))}::JSONB` : 'NULL'}, ${list(row.writeOnly)}, ${quoteText(JSON.stringify(row.rules))}::JSONB)
     ON CONFLICT (name) DO UPDATE SET id = excluded.id, relation = excluded.relation, key_columns = excluded.key_columns,
       decisive_columns = excluded.decisive_columns, decisive_types = excluded.decisive_types, parent = excluded.parent, log_window = excluded.log_window, write_only = excluded.write_only, rules = excluded.rules`,
  );
}

/**
 * SQL that lets go of every table but those to be kept: triggers, policies and grants of ours go from it. One by one, as the tables' owner
 * may: DROP OWNED would need more rights than installing did. The guard of the audit log is on a table of ours, and stays.
 *
 * @param kept oids
 */
export async function releaseSql(client: pg.Client, kept: string[]): Promise<string[]> {
  const { rows } = await client.query<{ statement: string }>(
    `SELECT statement FROM (
       SELECT 1 AS turn, format('DROP TRIGGER %I ON %I.%I', g.tgname, n.nspname, c.relname) AS statement
         FROM pg_catalog.pg_trigger g JOIN pg_catalog.pg_proc f ON f.oid = g.tgfoid AND f.pronamespace = to_regnamespace('latchkey')
         JOIN pg_catalog.pg_class c ON c.oid = g.tgrelid JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
         WHERE g.tgparentid = 0 AND g.tgname <> '00_latchkey_log' AND NOT (coalesce(pg_partition_root(c.oid)::OID, c.oid)::TEXT = ANY ($1))
       UNION ALL
       SELECT 2, format('DROP POLICY latchkey ON %I.%I', n.nspname, c.relname)
         FROM pg_catalog.pg_policy y JOIN pg_catalog.pg_class c ON c.oid = y.polrelid JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
         WHERE y.polname = 'latchkey' AND to_regrole('latchkey_owner') = ANY (y.polroles) AND NOT (c.oid::TEXT = ANY ($1))
       UNION ALL
       SELECT 3, format('REVOKE ALL ON %s %I.%I FROM latchkey_owner', CASE c.relkind WHEN 'S' THEN 'SEQUENCE' ELSE 'TABLE' END, n.nspname, c.relname)
         FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
         WHERE n.nspname NOT LIKE 'latchkey%' AND NOT (c.oid::TEXT = ANY ($1))
           AND NOT EXISTS (SELECT 1 FROM pg_catalog.pg_depend d WHERE c.relkind = 'S' AND d.objid = c.oid AND d.refobjid::TEXT = ANY ($1))
           AND EXISTS (SELECT 1 FROM aclexplode(c.relacl) a WHERE a.grantee = to_regrole('latchkey_owner'))
     ) released ORDER BY turn, statement`,
    [kept],
  );
  return rows.map(({ statement }) => statement);
}

/** What central knows as mirrored, with the columns that rows are known by. */
export async function readMirroredTables(client: pg.Client): Promise<Map<string, { id: number; decisive: string }>> {
  const { rows } = await client.query<{ name: string; id: number; decisive: string }>(
    `SELECT name, id, to_json(ARRAY(SELECT concat_ws(' ', d.name, d.type) FROM unnest(decisive_columns, decisive_types) AS d (name, type)))::TEXT AS decisive
     FROM latchkey.mirrored_table`,
  );
  return new Map(rows.map(({ name, id, decisive }) => [name, { id: Number(id), decisive }]));
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
  // Every role holds something here, even one without a right on any table: uninstalling in another database of the cluster drops those
  // that nobody needs.
  await client.query(`GRANT USAGE ON SCHEMA latchkey_mirror TO ${readerRoles.join(', ')}`);
  await client.query(`GRANT USAGE ON SCHEMA latchkey_write TO ${writeRoles.join(', ')}`);
  await client.query('GRANT EXECUTE ON FUNCTION latchkey.current_organization() TO latchkey_device, latchkey_writer');
  await client.query('GRANT EXECUTE ON FUNCTION latchkey.parsed_json(TEXT) TO latchkey_writer');
  await client.query(
    `GRANT EXECUTE ON FUNCTION latchkey.hello(BIGINT, TEXT), latchkey.catalogue(), latchkey.are_empty(OID[]), latchkey.join(TEXT, TEXT), latchkey.changes_since(pg_snapshot),
       latchkey.moved_in_before(pg_snapshot),
       latchkey.push(TEXT, TEXT, TEXT), latchkey.receipts(UUID[]), latchkey.quarantine(), latchkey.decide(UUID, TEXT),
       latchkey.log_since(BIGINT), latchkey.leaf_hashes(BIGINT, BIGINT), latchkey.checkpoints(), latchkey.publish_checkpoint(TEXT),
       latchkey.guard_marks() TO latchkey_device`,
  );
  await client.query(`GRANT EXECUTE ON FUNCTION latchkey.health(), latchkey.posture() TO ${readerRole('admin')}`);
}

/** The same client, keeping the text of every statement that goes through. */
function recording(client: pg.Client): { recorded: pg.Client; statements: string[] } {
  const statements: string[] = [];
  let unlocked = 0;
  const recorded = new Proxy(client, {
    get(target, property) {
      if (property !== 'query') return Reflect.get(target, property, target);
      return (text: string, values?: unknown[]) => {
        // What was tried in vain is no part of what was done.
        if (/^SAVEPOINT/.test(text)) unlocked = statements.length;
        else if (/^ROLLBACK TO/.test(text)) statements.length = unlocked;
        else if (!/^\s*(SELECT|RELEASE)/i.test(text)) statements.push(text);
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
