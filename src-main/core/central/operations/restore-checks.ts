import type pg from 'pg';
import { databaseContentsOf } from './backup-contents.ts';
import type { BackupManifest, DatabaseContents } from './backup-manifest.ts';
import { nameOf } from './partitioned-tables.ts';
import { portableSchemas } from './portable-backup.ts';

export interface RestoreCheck {
  name: string;
  passed: boolean;
  detail: string;
}

/** Of differences, as many as a person reads. */
const shownAtMost = 5;

/** Compares a restored database with the manifest of its backup, and with itself. */
export async function checkRestored(client: pg.Client, manifest: BackupManifest): Promise<RestoreCheck[]> {
  const schemas = manifest.method === 'portable' ? portableSchemas(manifest.migrations) : null;
  await client.query('BEGIN ISOLATION LEVEL REPEATABLE READ');
  try {
    const restored = await databaseContentsOf(client, schemas);
    const { rows } = await client.query<{ version: number }>(
      `SELECT current_setting('server_version_num')::INTEGER / 10000 AS version`,
    );
    const isSameVersion = rows[0]!.version === Math.floor(manifest.server.versionNumber / 10_000);
    // A physical backup goes on while what is in it is counted: it is held against itself alone.
    const comparisons =
      manifest.method === 'pg_basebackup'
        ? []
        : [
            compareRows(manifest.contents, restored),
            compareSequences(manifest.contents, restored),
            compareLogs(manifest.contents, restored),
            compareDefinitions(manifest.contents, restored, isSameVersion),
          ];
    const leaves = restored.logs.length > 0 ? [checkLogs(restored)] : [];
    return [...comparisons, ...leaves, await checkForeignKeys(client), ...(await checkTracking(client))];
  } finally {
    await client.query('ROLLBACK');
  }
}

function check(name: string, differences: string[], fine: string): RestoreCheck {
  const more = differences.length > shownAtMost ? `; and ${differences.length - shownAtMost} more` : '';
  return {
    name,
    passed: differences.length === 0,
    detail: differences.length === 0 ? fine : `${differences.slice(0, shownAtMost).join('; ')}${more}`,
  };
}

function compareRows(backup: DatabaseContents, restored: DatabaseContents): RestoreCheck {
  const found = new Map(restored.tables.map((table) => [nameOf(table), table.rows]));
  const differences = backup.tables
    .filter((table) => found.get(nameOf(table)) !== table.rows)
    .map((table) => `${nameOf(table)} has ${found.get(nameOf(table)) ?? 'no'} rows rather than ${table.rows}`);
  const total = backup.tables.reduce((sum, { rows }) => sum + rows, 0);
  return check('rows', differences, `${total} rows of ${backup.tables.length} tables`);
}

function compareSequences(backup: DatabaseContents, restored: DatabaseContents): RestoreCheck {
  const found = new Map(restored.sequences.map((sequence) => [nameOf(sequence), BigInt(sequence.last)]));
  // They are outside of transactions, so a dump may have a later value; an earlier one would be given out twice.
  const differences = backup.sequences
    .filter((sequence) => (found.get(nameOf(sequence)) ?? -1n) < BigInt(sequence.last) && sequence.isCalled)
    .map(
      (sequence) => `${nameOf(sequence)} stands at ${found.get(nameOf(sequence)) ?? 'nothing'} before ${sequence.last}`,
    );
  return check('sequences', differences, `${backup.sequences.length} sequences`);
}

function compareLogs(backup: DatabaseContents, restored: DatabaseContents): RestoreCheck {
  const found = new Map(restored.logs.map((log) => [log.organization, log]));
  const differences = backup.logs
    .filter(({ organization, size, digest }) => {
      const log = found.get(organization);
      return log?.size !== size || log.digest !== digest;
    })
    .map(({ organization }) => `the log of organization ${organization} is another one`);
  return check('audit logs', differences, `${backup.logs.length} logs of organizations, leaf by leaf`);
}

function checkLogs(restored: DatabaseContents): RestoreCheck {
  const differences = restored.logs
    .filter(({ size, leaves }) => size !== leaves)
    .map(({ organization, size, leaves }) => `the log of organization ${organization} has ${leaves} leaves of ${size}`);
  return check('audit log sizes', differences, `${restored.logs.length} logs are as long as central says`);
}

/** Between versions PostgreSQL words definitions otherwise: then names and types are compared. */
function compareDefinitions(
  backup: DatabaseContents,
  restored: DatabaseContents,
  isSameVersion: boolean,
): RestoreCheck {
  const comparable = (line: string) => isSameVersion || /^(table|view|materialized view|sequence) /.test(line);
  const [before, after] = [backup, restored].map(({ catalogue }) => new Set(catalogue.filter(comparable)));
  const differences = [
    ...[...before!].filter((line) => !after!.has(line)).map((line) => `missing: ${line}`),
    ...[...after!].filter((line) => !before!.has(line)).map((line) => `not in the backup: ${line}`),
  ];
  return check(
    'definitions',
    differences,
    `${before!.size} definitions${isSameVersion ? '' : ', by name: the versions differ'}`,
  );
}

async function checkForeignKeys(client: pg.Client): Promise<RestoreCheck> {
  const { rows } = await client.query<{ name: string; query: string }>(
    `SELECT format('%I of %I.%I', f.conname, n.nspname, c.relname) AS name,
       format('SELECT count(*)::INTEGER AS n FROM %s%I.%I c WHERE %s AND NOT EXISTS (SELECT FROM %I.%I p WHERE %s)',
         CASE c.relkind WHEN 'p' THEN '' ELSE 'ONLY ' END, n.nspname, c.relname,
         (SELECT string_agg(format('c.%I IS NOT NULL', a.attname), ' AND ') FROM unnest(f.conkey) k JOIN pg_attribute a ON a.attrelid = f.conrelid AND a.attnum = k),
         m.nspname, p.relname,
         (SELECT string_agg(format('p.%I OPERATOR(%s) c.%I', b.attname, 'pg_catalog.=', a.attname), ' AND ')
            FROM unnest(f.conkey, f.confkey) AS k (own, other) JOIN pg_attribute a ON a.attrelid = f.conrelid AND a.attnum = k.own
            JOIN pg_attribute b ON b.attrelid = f.confrelid AND b.attnum = k.other)) AS query
     FROM pg_constraint f
     JOIN pg_class c ON c.oid = f.conrelid JOIN pg_namespace n ON n.oid = c.relnamespace
     JOIN pg_class p ON p.oid = f.confrelid JOIN pg_namespace m ON m.oid = p.relnamespace
     WHERE f.contype = 'f' AND f.conparentid = 0 AND f.convalidated AND n.nspname !~ '^pg_' ORDER BY 1`,
  );
  const differences: string[] = [];
  for (const { name, query } of rows) {
    const { rows: found } = await client.query<{ n: number }>(query);
    if (found[0]!.n > 0) differences.push(`${name}: ${found[0]!.n} rows refer to nothing`);
  }
  return check('foreign keys', differences, `${rows.length} foreign keys hold`);
}

async function checkTracking(client: pg.Client): Promise<RestoreCheck[]> {
  const { rows: found } = await client.query<{ there: boolean }>(
    `SELECT to_regclass('latchkey.mirrored_table') IS NOT NULL AS there`,
  );
  if (!found[0]!.there) return [];
  const { rows } = await client.query<{ names: string[]; tables: number }>(
    `SELECT latchkey.untracked_tables() || latchkey.outdated_tables() AS names, (SELECT count(*)::INTEGER FROM latchkey.mirrored_table) AS tables`,
  );
  const differences = rows[0]!.names.map((name) => `changes of ${name} would not be seen`);
  return [check('change tracking', differences, `${rows[0]!.tables} tables are tracked`)];
}
