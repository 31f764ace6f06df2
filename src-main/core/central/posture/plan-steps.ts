import { quoteBody, quoteName, quoteText } from '../../quoting.ts';
import { derivedName } from '../derived-name.ts';
import type { Step } from './finding.ts';
import { type Column, columnNamed, listOf, type Subject, type Table } from './subject.ts';

/* What plans are made of, whatever they mend. */

/** Parallel change, in three steps: both ways work from `expand` to `contract`, and the application goes over in between. */
export type Phase = 'expand' | 'contract';

export type PlanStep =
  | { kind: 'statements'; what: string; steps: Step[] }
  /** Run until it reaches no more rows. Takes the key that it reached ($1, TEXT[]); answers `rows` and `reached`. */
  | { kind: 'batches'; what: string; batch: string }
  /** Nothing of the phase is run while the query has rows; each says why (`reason`). Behind a gate nothing else is asked, either. */
  | { kind: 'condition'; what: string; query: string; isGate?: true };

export interface Plan {
  id: string;
  /** With its schema. */
  table: string;
  phases: Record<Phase, PlanStep[]>;
  /** What the application has to do in between, in words and queries. */
  change: string;
}

export interface PlanOptions {
  /** For how long a new key, session or invitation is valid; and those that are there, from now on. */
  days?: number;
  /** How long nothing may have written the old column before it is emptied. */
  quietHours?: number;
  /** Whether the old column goes, rather than staying empty. */
  drop?: boolean;
}

/** Rows of a batch: some milliseconds of locks on them. A slow hash takes a quarter of a second each. */
export const rowsPerBatch = 1_000;
export const slowRowsPerBatch = 3;

/** What a plan keeps at the database until it is carried out: a row, and a sequence that counts nothing but holds a moment. */
interface Keeping {
  key: string;
  /** The moment of the last write to the old column, in seconds; a sequence takes it without a lock, whatever becomes of the writer. */
  moment: string;
  routine: string;
  trigger: string;
}

export function keepingOf({ schema }: Subject, table: Table, what: string, id: string): Keeping {
  const name = derivedName(`${schema}_${table.name}_${what}`);
  return {
    key: `${schema}/${id}`,
    moment: `latchkey_posture.${quoteName(name)}`,
    routine: `latchkey_posture.${quoteName(name)}`,
    trigger: quoteName(derivedName(`${table.name}_${what}`, '_dual_write')),
  };
}

export function begin({ key }: Keeping, made: string): string[] {
  return [
    'CREATE SCHEMA IF NOT EXISTS latchkey_posture',
    'CREATE TABLE IF NOT EXISTS latchkey_posture.plan (id TEXT PRIMARY KEY, made TEXT NOT NULL, expanded_at TIMESTAMPTZ NOT NULL DEFAULT now())',
    `INSERT INTO latchkey_posture.plan (id, made) VALUES (${quoteText(key)}, ${quoteText(made)}) ON CONFLICT DO NOTHING`,
  ];
}

/** In the transaction of the last change: a plan is under way or carried out, whenever it is broken off. */
export function finish({ key }: Keeping): string[] {
  return [
    `DELETE FROM latchkey_posture.plan WHERE id = ${quoteText(key)}`,
    `DO $$ BEGIN IF NOT EXISTS (SELECT FROM latchkey_posture.plan) THEN DROP SCHEMA latchkey_posture CASCADE; END IF; END $$`,
  ];
}

/** Whoever may make schemas could have made this one, and have us run what they put there. */
export const ownSchema: PlanStep = {
  kind: 'condition',
  what: 'What Latchkey keeps here is its own',
  isGate: true,
  query: `SELECT format('Schema latchkey_posture belongs to %s. Carry plans out as that role, or drop the schema.', pg_get_userbyid(n.nspowner)) AS reason
FROM pg_namespace n JOIN pg_roles r ON r.oid = n.nspowner WHERE n.nspname = 'latchkey_posture' AND r.rolname <> current_user AND NOT r.rolsuper`,
};

export function begun({ key }: Keeping): PlanStep {
  return {
    kind: 'condition',
    what: 'The first step was taken',
    isGate: true,
    query: `SELECT 'The first step, expand, was not taken here.' AS reason
WHERE NOT EXISTS (SELECT FROM latchkey_posture.plan WHERE id = ${quoteText(key)})`,
  };
}

/** One that was left half made by an earlier run is made anew. */
export function indexSteps({ schema }: Subject, table: Table, name: string, definition: string): Step[] {
  const there = table.indexes.find((index) => index.name === name);
  if (there?.isValid) return [];
  return [...(there ? [[`DROP INDEX CONCURRENTLY ${quoteName(schema)}.${quoteName(name)}`]] : []), [definition]];
}

/**
 * Writers of the old column fill the new ones, and leave the moment behind. As its owner, since writers have no right on the
 * sequence; no caller decides what any name in it means.
 */
export function dualWrite(
  table: Table,
  { moment, routine, trigger }: Keeping,
  old: string,
  assignments: string[],
): string[] {
  return [
    `CREATE SEQUENCE IF NOT EXISTS ${moment}`,
    `CREATE OR REPLACE FUNCTION ${routine}() RETURNS TRIGGER LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS ${quoteBody(`BEGIN
  IF NEW.${old} IS NOT NULL AND (TG_OP = 'INSERT' OR NEW.${old} IS DISTINCT FROM OLD.${old}) THEN
${[...assignments, `PERFORM setval(${quoteText(moment)}, floor(extract(EPOCH FROM clock_timestamp()))::BIGINT)`].map((line) => `    ${line};`).join('\n')}
  END IF;
  RETURN NEW;
END`)}`,
    `REVOKE ALL ON FUNCTION ${routine}() FROM PUBLIC`,
    `CREATE OR REPLACE TRIGGER ${trigger} BEFORE INSERT OR UPDATE ON ${table.sql} FOR EACH ROW EXECUTE FUNCTION ${routine}()`,
  ];
}

/** Some rows by the order of their key, from the one that was reached last. */
export function batchSql(table: Table, needs: string, set: string[], rows: number): string {
  const key = table.key.map((name) => `r.${quoteName(name)}`);
  const reached = table.key.map((name, place) => `($1::TEXT[])[${place + 1}]::${columnNamed(table, name)!.type}`);
  const columns = listOf(table.key);
  return `WITH batch AS MATERIALIZED (
  SELECT ${key.join(', ')} FROM ${table.sql} AS r WHERE ${needs} AND ($1::TEXT[] IS NULL OR (${key.join(', ')}) > (${reached.join(', ')})) ORDER BY ${key.join(', ')} LIMIT ${rows}
), done AS (
  UPDATE ${table.sql} AS r SET ${set.join(', ')} FROM batch AS b WHERE (${key.join(', ')}) = (${table.key.map((name) => `b.${quoteName(name)}`).join(', ')}) AND ${needs} RETURNING 1
)
SELECT (SELECT count(*) FROM done)::INTEGER AS rows, (SELECT ARRAY[${table.key.map((name) => `b.${quoteName(name)}::TEXT`).join(', ')}] FROM batch AS b ORDER BY ${columns.replace(/(^|, )"/g, '$1b."')} DESC LIMIT 1) AS reached`;
}

/** Nothing writes the old column, and nothing that the catalogue knows of reads it. */
export function unusedConditions(
  subject: Subject,
  table: Table,
  column: Column,
  { key, moment }: Keeping,
  { quietHours = 24 }: PlanOptions,
): PlanStep[] {
  const word = (name: string) => quoteText(`\\m${name.replace(/\W/g, '\\$&')}\\M`);
  return [
    {
      kind: 'condition',
      what: `Nothing wrote ${column.name} for ${quietHours} hours`,
      query: `SELECT format('%s was written at %s UTC last, in the clear; ${quietHours} hours must go by without that.', ${quoteText(`${table.name}.${column.name}`)}, to_char(last.at AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS')) AS reason
FROM (SELECT greatest((SELECT expanded_at FROM latchkey_posture.plan WHERE id = ${quoteText(key)}), (SELECT to_timestamp(last_value) FROM ${moment} WHERE is_called)) AS at) last
WHERE last.at > now() - INTERVAL '${quietHours} hours'`,
    },
    {
      kind: 'condition',
      what: `Nothing that the catalogue knows of reads ${column.name}`,
      query: `SELECT format('The %s %s reads it.', CASE v.relkind WHEN 'm' THEN 'materialized view' ELSE 'view' END, v.oid::REGCLASS) AS reason
FROM pg_depend d JOIN pg_rewrite w ON w.oid = d.objid JOIN pg_class v ON v.oid = w.ev_class
WHERE d.classid = 'pg_rewrite'::REGCLASS AND d.refobjid = ${quoteText(table.sql)}::REGCLASS
  AND d.refobjsubid = (SELECT attnum FROM pg_attribute WHERE attrelid = ${quoteText(table.sql)}::REGCLASS AND attname = ${quoteText(column.name)})
UNION
SELECT format('The policy %s reads it.', y.polname) FROM pg_policy y
WHERE y.polrelid = ${quoteText(table.sql)}::REGCLASS AND concat_ws(' ', pg_get_expr(y.polqual, y.polrelid), pg_get_expr(y.polwithcheck, y.polrelid)) ~ ${word(column.name)}
UNION
SELECT format('The function %s names it.', p.oid::REGPROCEDURE) FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
WHERE n.nspname !~ '^(pg_|information_schema$|latchkey)' AND p.prosrc ~ ${word(column.name)}
  AND (p.prosrc ~ ${word(table.name)} OR EXISTS (SELECT FROM pg_trigger g WHERE g.tgfoid = p.oid AND g.tgrelid = ${quoteText(table.sql)}::REGCLASS))`,
    },
    ...(subject.statements === null
      ? []
      : [
          {
            kind: 'condition' as const,
            what: `No statement of another login names ${column.name} in pg_stat_statements`,
            query: `SELECT format('%s ran a statement that names it, %s times since the statistics were reset. Run SELECT %s.pg_stat_statements_reset() once the application is changed.', pg_get_userbyid(s.userid), sum(s.calls), ${quoteText(quoteName(subject.statements))}) AS reason
FROM ${quoteName(subject.statements)}.pg_stat_statements AS s WHERE s.dbid = (SELECT oid FROM pg_database WHERE datname = current_database())
  AND s.userid <> (SELECT oid FROM pg_roles WHERE rolname = current_user) AND s.query ~ ${word(column.name)} AND s.query ~ ${word(table.name)} GROUP BY s.userid`,
          },
        ]),
  ];
}

/** What stood in the clear goes: first nobody can write it any more, then what is there, then the column or the way back. */
export function emptied(
  table: Table,
  old: string,
  column: Column,
  keeping: Keeping,
  { drop = false }: PlanOptions,
): PlanStep[] {
  const check = quoteName(derivedName(`${table.name}_${column.name}`, '_is_empty'));
  const { routine, trigger, moment } = keeping;
  return [
    {
      kind: 'statements',
      what: `From now on ${column.name} takes nothing`,
      steps: [
        [
          // Not a check yet: it would refuse every update of a row that still holds one.
          `CREATE OR REPLACE FUNCTION ${routine}() RETURNS TRIGGER LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS ${quoteBody(`BEGIN
  IF NEW.${old} IS NOT NULL AND (TG_OP = 'INSERT' OR NEW.${old} IS DISTINCT FROM OLD.${old}) THEN
    RAISE EXCEPTION '% takes no secret in the clear any more', ${quoteText(`${table.name}.${column.name}`)} USING ERRCODE = 'check_violation';
  END IF;
  NEW.${old} := NULL;
  RETURN NEW;
END`)}`,
        ],
      ],
    },
    {
      kind: 'batches',
      what: `What stood in ${column.name} goes`,
      batch: batchSql(table, `r.${old} IS NOT NULL`, [`${old} = NULL`], rowsPerBatch),
    },
    {
      kind: 'statements',
      what: drop ? 'The column goes' : 'A check takes the place of the trigger',
      steps: [
        ...(drop
          ? []
          : [
              [
                `ALTER TABLE ${table.sql} DROP CONSTRAINT IF EXISTS ${check}`,
                `ALTER TABLE ${table.sql} ADD CONSTRAINT ${check} CHECK (${old} IS NULL) NOT VALID`,
              ],
              [`ALTER TABLE ${table.sql} VALIDATE CONSTRAINT ${check}`],
            ]),
        [
          `DROP TRIGGER IF EXISTS ${trigger} ON ${table.sql}`,
          `DROP FUNCTION IF EXISTS ${routine}()`,
          `DROP SEQUENCE IF EXISTS ${moment}`,
          ...(drop ? [`ALTER TABLE ${table.sql} DROP COLUMN ${old}`] : []),
          ...finish(keeping),
        ],
      ],
    },
  ];
}
