import type pg from 'pg';
import { z } from 'zod';
import { LatchkeyError } from '../../../contract/errors.ts';
import { quoteName } from '../../quoting.ts';
import type { SystemMapping } from '../../systems/system.ts';
import { nameOf, partitionedTables, quotedNameOf } from './partitioned-tables.ts';

/** What audit logs are kept for at least where no policy says more: a year. */
const usualAuditMinimum = 365;
const mostDays = 36_500;

export const policyFile = z.strictObject({
  format: z.literal('latchkey-retention/1'),
  /** Nothing of an audit log goes that is younger. */
  auditMinimumDays: z.int().min(1).max(mostDays).optional(),
  /** By table, with its schema where the name is not the only one. */
  tables: z.record(
    z.string().min(1),
    z.strictObject({
      days: z.int().min(1).max(mostDays),
      /** The moment that a row's age counts from. By default what the table is partitioned by, or the one that its mapping names. */
      column: z.string().min(1).optional(),
    }),
  ),
});
export type PolicyFile = z.infer<typeof policyFile>;

/** How long rows of a table are kept. */
export interface RetentionRule {
  schema: string;
  name: string;
  column: string;
  /** Of the column. */
  type: string;
  days: number;
  source: string;
  /** By the next run too. Not what the host keeps itself, and not what was forced this once. */
  isRemembered: boolean;
  /** Of one organization alone: the column that holds its id. */
  organization: { column: string; id: string } | null;
}

export interface AskedRule {
  table: string;
  column?: string;
  days: number;
  source: string;
}

export interface RetentionRequest {
  /** From a file and from the command line; where there is none, what was kept of the last run. */
  asked: AskedRule[];
  auditMinimumDays?: number;
  /** Audit logs that may be cut below the minimum, by name. */
  forceAudit: string[];
}

export interface RetentionPolicy {
  rules: RetentionRule[];
  /** What could not be made a rule of, and why. */
  ignored: string[];
}

/** A table by which retention could go. */
interface DatedTable {
  schema: string;
  name: string;
  columns: { name: string; type: string }[];
  partitionKey: string | null;
}

/**
 * Finds the table and column of each rule, and adds what the host's own `retention_policies` say.
 *
 * @throws LatchkeyError `invalid-input` for a table or column that is not there, `would-violate` where an audit log would be cut below
 * its minimum
 */
export async function resolvePolicy(
  client: pg.Client,
  system: SystemMapping | null,
  request: RetentionRequest,
): Promise<RetentionPolicy> {
  const tables = await datedTables(client);
  const gone: string[] = [];
  const rules =
    request.asked.length > 0
      ? request.asked.map((rule) => resolved(rule, tables, system))
      : stillThere(await keptRules(client), tables, system, gone);
  const twice = rules.find((rule, place) => rules.findIndex((other) => nameOf(other) === nameOf(rule)) < place);
  if (twice) throw invalid(`${nameOf(twice)} was given two periods. Nothing was changed.`, 'keep');
  const forced = request.forceAudit.map((name) => nameOf(tableNamed(name, tables, system, 'forceAudit')));
  const minimum = request.auditMinimumDays ?? usualAuditMinimum;
  const isTooShort = (rule: RetentionRule) =>
    rule.days < minimum && isAudit(rule, system) && !forced.includes(nameOf(rule));
  for (const rule of rules) rule.isRemembered = rule.days >= minimum || !isAudit(rule, system);
  const tooShort = rules.find(isTooShort);
  if (tooShort)
    throw new LatchkeyError(
      'would-violate',
      `${nameOf(tooShort)} is an audit log, of which ${minimum} days are kept at least; ${tooShort.days} were asked for. Nothing was changed. Where the law allows less: --force-audit ${nameOf(tooShort)}.`,
      { field: 'forceAudit' },
    );
  const host = await hostRules(client, tables, system);
  const short = host.rules.filter(isTooShort);
  return {
    rules: [...rules, ...host.rules.filter((rule) => !isTooShort(rule))],
    ignored: [
      ...gone,
      ...host.ignored,
      ...short.map(
        (rule) =>
          `${rule.source} asks for ${rule.days} days of ${nameOf(rule)}, an audit log of which ${minimum} are kept at least.`,
      ),
    ],
  };
}

function invalid(message: string, field: string): LatchkeyError {
  return new LatchkeyError('invalid-input', message, { field });
}

function isAudit({ name }: { name: string }, system: SystemMapping | null): boolean {
  return name === system?.activity?.table || /audit/i.test(name);
}

async function datedTables(client: pg.Client): Promise<DatedTable[]> {
  const { rows } = await client.query<{ tables: DatedTable[] | string }>(
    `SELECT coalesce(jsonb_agg(jsonb_build_object('schema', n.nspname, 'name', c.relname, 'partitionKey', NULL, 'columns', (
       SELECT coalesce(jsonb_agg(jsonb_build_object('name', a.attname, 'type', format_type(a.atttypid, NULL)) ORDER BY a.attnum), '[]')
       FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
         AND a.atttypid IN ('date'::REGTYPE, 'timestamp'::REGTYPE, 'timestamptz'::REGTYPE)))), '[]') AS tables
     FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
     WHERE c.relkind IN ('r', 'p') AND NOT c.relispartition AND n.nspname !~ '^(pg_|latchkey($|_)|information_schema$)'`,
  );
  const tables = parsed<DatedTable[]>(rows[0]!.tables);
  const keys = new Map((await partitionedTables(client)).map((table) => [nameOf(table), table.column]));
  return tables.map((table) => ({ ...table, partitionKey: keys.get(nameOf(table)) ?? null }));
}

function tableNamed(named: string, tables: DatedTable[], system: SystemMapping | null, field: string): DatedTable {
  const exact = tables.filter((table) => nameOf(table) === named);
  const bare = tables.filter(({ name }) => name === named);
  const own = bare.filter(({ schema }) => schema === system?.schema);
  const [found, ...others] = exact.length > 0 ? exact : own.length > 0 ? own : bare;
  if (!found) throw invalid(`There is no table ${named} in this database. Nothing was changed.`, field);
  if (others.length > 0)
    throw invalid(`${named} could be ${[found, ...others].map(nameOf).join(' or ')}. Nothing was changed.`, field);
  return found;
}

function resolved(rule: AskedRule, tables: DatedTable[], system: SystemMapping | null): RetentionRule {
  const table = tableNamed(rule.table, tables, system, 'keep');
  const column = columnOf(table, rule.column, system);
  const { schema, name } = table;
  return { schema, name, ...column, days: rule.days, source: rule.source, isRemembered: true, organization: null };
}

/** A table or column of the last run that is gone since is no reason to stop. */
function stillThere(
  rules: AskedRule[],
  tables: DatedTable[],
  system: SystemMapping | null,
  gone: string[],
): RetentionRule[] {
  return rules.flatMap((rule) => {
    try {
      return [resolved(rule, tables, system)];
    } catch (error) {
      if (!(error instanceof LatchkeyError)) throw error;
      gone.push(`The last run kept ${rule.days} days of ${rule.table} by ${rule.column}, which is gone since.`);
      return [];
    }
  });
}

function columnOf(
  table: DatedTable,
  named: string | undefined,
  system: SystemMapping | null,
): { column: string; type: string } {
  const { activity } = system ?? {};
  const candidates = [
    named,
    ...(named === undefined
      ? [
          table.partitionKey,
          system?.tables?.[table.name]?.window?.column,
          activity?.table === table.name ? activity.at : null,
          'created_at',
        ]
      : []),
  ];
  for (const candidate of candidates) {
    const column = table.columns.find(({ name }) => name === candidate);
    if (column) return { column: column.name, type: column.type };
  }
  const there = table.columns.map(({ name }) => name).join(', ') || 'none';
  throw invalid(
    named === undefined
      ? `Nobody says what the age of a row of ${nameOf(table)} counts from. Say it as ${table.name}:COLUMN=DAYS; it has ${there}. Nothing was changed.`
      : `${nameOf(table)} has no column ${named} that is a date or a moment; it has ${there}. Nothing was changed.`,
    'keep',
  );
}

/** Of the last run, where Latchkey is installed. */
async function keptRules(client: pg.Client): Promise<AskedRule[]> {
  const { rows: found } = await client.query<{ there: boolean }>(
    `SELECT to_regclass('latchkey.retention') IS NOT NULL AS there`,
  );
  if (!found[0]!.there) return [];
  const { rows } = await client.query<{ table: string; column: string; days: number }>(
    'SELECT relation AS table, column_name AS column, days FROM latchkey.retention ORDER BY relation',
  );
  return rows.map((row) => ({ ...row, days: Number(row.days), source: 'the last run' }));
}

interface HostRow {
  data_type?: string | null;
  retention_period_days?: number | string | null;
  organization_id?: string | null;
  active?: boolean | null;
}

/** A host that keeps a table of retention policies, one for each organization and kind of data, has it honoured. */
async function hostRules(
  client: pg.Client,
  tables: DatedTable[],
  system: SystemMapping | null,
): Promise<RetentionPolicy> {
  const policy: RetentionPolicy = { rules: [], ignored: [] };
  for (const table of tables.filter(({ name }) => name === 'retention_policies')) {
    const { rows } = await client.query<{ row: HostRow | string }>(
      `SELECT to_jsonb(p) AS row FROM ${quotedNameOf(table)} p`,
    );
    for (const { row } of rows) {
      const rule = await hostRule(client, parsed<HostRow>(row), table, tables, system);
      if (typeof rule === 'string') policy.ignored.push(rule);
      else if (rule) policy.rules.push(rule);
    }
  }
  return policy;
}

async function hostRule(
  client: pg.Client,
  row: HostRow,
  policies: DatedTable,
  tables: DatedTable[],
  system: SystemMapping | null,
): Promise<RetentionRule | string | null> {
  const days = Number(row.retention_period_days ?? Number.NaN);
  const kind = row.data_type ?? '';
  if (row.active === false) return null;
  const whose = row.organization_id == null ? '' : ` of organization ${row.organization_id}`;
  const source = `${nameOf(policies)}${whose}`;
  if (!Number.isInteger(days) || days < 1)
    return `${source} says “${row.retention_period_days}” days for ${kind}, which is no period.`;
  const names = [kind, `${kind}s`].map((name) => name.toLowerCase());
  const table = tables.find(({ schema, name }) => schema === policies.schema && names.includes(name.toLowerCase()));
  if (!table) return `${source} says ${days} days for “${kind}”, which is the name of no table.`;
  const column = columnOrNull(table, system);
  if (!column) return `${source} says ${days} days for ${kind}, whose rows have no moment that their age counts from.`;
  const { schema, name } = table;
  const rule: RetentionRule = { schema, name, ...column, days, source, isRemembered: false, organization: null };
  if (row.organization_id == null) return rule;
  const tenancy = system?.tables?.[table.name]?.tenancy;
  const owner = tenancy?.class === 'organization' ? tenancy.column : 'organization_id';
  const { rows } = await client.query(
    'SELECT FROM pg_attribute WHERE attrelid = $1::REGCLASS AND attname = $2 AND NOT attisdropped',
    [quotedNameOf(table), owner],
  );
  if (rows.length === 0)
    return `${source} says ${days} days for ${kind}, whose rows do not say which organization they belong to.`;
  return { ...rule, organization: { column: owner, id: String(row.organization_id) } };
}

function columnOrNull(table: DatedTable, system: SystemMapping | null): { column: string; type: string } | null {
  try {
    return columnOf(table, undefined, system);
  } catch {
    return null;
  }
}

/** Rows that a rule lets go, as SQL over the table's columns. */
export function isOutdated({ column, type, days, organization }: RetentionRule): string {
  const own = organization ? ` AND ${quoteName(organization.column)}::TEXT = ${literal(organization.id)}` : '';
  return `${quoteName(column)} < ${cutoffSql(days, type)}${own}`;
}

/** The start of the oldest day (UTC) that is kept. */
function cutoffSql(days: number, type: string): string {
  const moment = `(date_trunc('day', now() AT TIME ZONE 'UTC') - INTERVAL '${Math.trunc(days)} days')`;
  return type === 'timestamp with time zone' ? `${moment} AT TIME ZONE 'UTC'` : `${moment}::${type}`;
}

function literal(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}

function parsed<T>(value: T | string): T {
  return typeof value === 'string' ? (JSON.parse(value) as T) : value;
}
