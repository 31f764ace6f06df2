import type pg from 'pg';
import { LatchkeyError } from '../../../contract/errors.ts';
import { knownSystem, systemNames } from '../../systems/index.ts';
import type { SystemMapping } from '../../systems/system.ts';
import { missingFrom, presentTables } from '../host-tables.ts';
import { addressChecks } from './addresses.ts';
import { auditChecks } from './audit-trail.ts';
import { capacityChecks } from './capacity.ts';
import { type Check, type Finding, type Found, type NotSeen, type Severity, scriptOf, severities } from './finding.ts';
import { integrityChecks } from './integrity.ts';
import { isolationChecks } from './isolation.ts';
import { lifecycleChecks } from './lifecycle.ts';
import { planOf } from './plan.ts';
import { planFiles } from './plan-script.ts';
import { rightsChecks } from './rights.ts';
import { secretChecks } from './secrets.ts';
import { serverChecks } from './server.ts';
import { hostSchemas, readSubject, rowsOf, type Subject } from './subject.ts';

const checks: readonly Check[] = [
  ...secretChecks,
  ...lifecycleChecks,
  ...auditChecks,
  ...isolationChecks,
  ...rightsChecks,
  ...addressChecks,
  ...integrityChecks,
  ...capacityChecks,
  ...serverChecks,
];

export const checkIds = checks.map(({ id }) => id);

export interface Posture {
  schema: string;
  /** The design that the schema is known to have; null where names and types alone tell. */
  system: string | null;
  /** How many checks were made. */
  checks: number;
  /** Most urgent first. */
  findings: Finding[];
  counts: Record<Severity, number>;
  notSeen: NotSeen[];
}

export interface PostureOptions {
  /** Otherwise the one that Latchkey is installed beside, or whose tables are there, or the only one that has any. */
  schema?: string;
  system?: SystemMapping;
}

/**
 * Looks for weaknesses of a schema and of the server that it is on, with nothing but reading: the catalogue, a few hundred rows of each
 * table, settings. Works on a standby. What this login may not see is told in `notSeen`.
 *
 * @throws LatchkeyError `not-found`, `invalid-input` where several schemas might be meant
 */
export async function posture(client: pg.Client, options: PostureOptions = {}): Promise<Posture> {
  return reading(client, async () => {
    const subject = await subjectOf(client, options);
    const findings: Finding[] = [];
    const notSeen: NotSeen[] = subject.unread.map((where) => ({ check: 'all', where, why: 'other work holds it' }));
    for (const check of checks) findings.push(...(await made(check, subject, notSeen)));
    const ordered = findings.toSorted(
      (a, b) => severities.indexOf(a.severity) - severities.indexOf(b.severity) || placeOf(a.check) - placeOf(b.check),
    );
    return {
      schema: subject.schema,
      system: subject.system?.name ?? null,
      checks: checks.length,
      findings: ordered,
      counts: Object.fromEntries(
        severities.map((severity) => [severity, findings.filter((finding) => finding.severity === severity).length]),
      ) as Record<Severity, number>,
      notSeen,
    };
  });
}

const placeOf = (id: string) => checks.findIndex((check) => check.id === id);

/** What cannot be read in time, or not at all, is told rather than taken for well. */
async function made(check: Check, subject: Subject, notSeen: NotSeen[]): Promise<Finding[]> {
  try {
    const found = await check.look(subject, (where, why) => notSeen.push({ check: check.id, where, why }));
    return found.map((one) => findingOf(check, subject, one));
  } catch (error) {
    const { code } = error as { code?: string };
    const why =
      code === '42501'
        ? 'this login may not read what it looks at'
        : code === '57014'
          ? 'it took longer than 15 seconds'
          : code === '55P03'
            ? 'other work holds what it looks at'
            : null;
    if (why === null) throw error;
    notSeen.push({ check: check.id, where: subject.schema, why });
    return [];
  }
}

function findingOf(check: Check, subject: Subject, { place, first, ...rest }: Found): Finding {
  const id = `${check.id}:${place}`;
  const told = { ...rest, id, check: check.id, title: check.title, why: check.why, first: first ?? null };
  const where = check.inSchema ? `${subject.schema}.${place}` : place;
  if (rest.apply !== 'by-plan') return { ...told, where, sql: scriptOf(rest.steps) };
  try {
    const files = planFiles(planOf(subject, id));
    return { ...told, where, sql: files.map(({ text }) => text).join('\n') };
  } catch (error) {
    if (!(error instanceof LatchkeyError)) throw error;
    return { ...told, where, apply: 'by-hand', first: error.message, sql: '' };
  }
}

/**
 * Runs `work` in a session that searches pg_catalog alone, cannot write, and gets out of everybody's way; the session is as before
 * after it.
 */
export async function reading<T>(client: pg.Client, work: () => Promise<T>): Promise<T> {
  await client.query(
    `SET default_transaction_read_only = on; SET search_path = pg_catalog; SET statement_timeout = '15s'; SET lock_timeout = '1s'; SET TimeZone = 'UTC'`,
  );
  try {
    return await work();
  } finally {
    await client
      .query(
        'RESET default_transaction_read_only; RESET search_path; RESET statement_timeout; RESET lock_timeout; RESET TimeZone',
      )
      .catch(() => {});
  }
}

/** What is looked at: the schema that was asked for, in the design that it is known to have. */
export async function subjectOf(client: pg.Client, { schema, system }: PostureOptions): Promise<Subject> {
  const design = system ?? (schema === undefined ? await designHere(client) : null);
  const place = schema ?? design?.schema ?? (await onlySchema(client));
  return readSubject(client, place, design ?? (await designOf(client, place)));
}

/** The design that Latchkey was installed with here, else one whose tables are here. */
async function designHere(client: pg.Client): Promise<SystemMapping | null> {
  const [found] = await rowsOf<{ installed: boolean }>(
    client,
    // A table and nothing else: a view of that name would run whatever its maker put there.
    `SELECT EXISTS (SELECT FROM pg_class c WHERE c.oid = to_regclass('latchkey.installation') AND c.relkind = 'r'
       AND NOT c.relrowsecurity AND has_schema_privilege(c.relnamespace, 'USAGE') AND has_table_privilege(c.oid, 'SELECT')) AS installed`,
  );
  if (found?.installed) {
    const [installation] = await rowsOf<{ mapping: SystemMapping }>(
      client,
      'SELECT mapping FROM latchkey.installation',
    );
    if (installation) return installation.mapping;
  }
  return nearest(client, (system) => system.schema);
}

/** The design whose tables are in that schema, wherever that design has its own. */
function designOf(client: pg.Client, schema: string): Promise<SystemMapping | null> {
  return nearest(client, () => schema);
}

/**
 * Five designs call some table `users`: one is known by four fifths of its tables, and of several the one that lacks the fewest tables
 * and columns. Not by all of them, as for installing: a schema that is not as it should be is what this is about.
 */
async function nearest(client: pg.Client, schemaOf: (system: SystemMapping) => string): Promise<SystemMapping | null> {
  let best: { system: SystemMapping; missing: number } | null = null;
  for (const name of systemNames) {
    const system = knownSystem(name)!;
    if (!(await hasMostOf(client, system, schemaOf(system)))) continue;
    const missing = missingFrom(system, await presentTables(client, { ...system, schema: schemaOf(system) })).length;
    if (best === null || missing < best.missing) best = { system, missing };
  }
  return best?.system ?? null;
}

async function hasMostOf(client: pg.Client, system: SystemMapping, schema: string): Promise<boolean> {
  const names = Object.entries(system.tables).flatMap(([name, { sidecar }]) => (sidecar ? [] : [name]));
  const [found] = await rowsOf<{ n: number }>(
    client,
    `SELECT count(*)::INTEGER AS n FROM pg_class c WHERE c.relnamespace = to_regnamespace(quote_ident($1)) AND c.relkind IN ('r', 'p') AND c.relname = ANY ($2)`,
    [schema, names],
  );
  return (found?.n ?? 0) >= names.length * 0.8;
}

async function onlySchema(client: pg.Client): Promise<string> {
  const schemas = await hostSchemas(client);
  if (schemas.length === 1) return schemas[0]!;
  throw new LatchkeyError(
    'invalid-input',
    schemas.length === 0
      ? 'No schema of this database has a table. Nothing was changed.'
      : `Several schemas have tables: ${schemas.join(', ')}. Say which one to look at, with --schema.`,
    { field: 'schema' },
  );
}
