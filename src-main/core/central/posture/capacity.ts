import { quoteName, quoteText } from '../../quoting.ts';
import { derivedName } from '../derived-name.ts';
import type { Check, Found } from './finding.ts';
import { hiddenFrom } from './sample.ts';
import { type Column, listOf, rowsOf, type Subject, type Table } from './subject.ts';

/** From this part of the numbers on there is a finding, and so on. */
const fullness = { medium: 0.5, high: 0.75, critical: 0.9 };

function severityOfFullness(full: number): Found['severity'] | null {
  if (full >= fullness.critical) return 'critical';
  if (full >= fullness.high) return 'high';
  return full >= fullness.medium ? 'medium' : null;
}

const integerLimits: Record<string, number> = { smallint: 32_767, integer: 2_147_483_647 };

interface Sequence {
  name: string;
  last: number | null;
  most: number;
  isReadable: boolean;
  type: string;
  table: string | null;
  column: string | null;
}

function sequencesOf({ client, schema }: Subject): Promise<Sequence[]> {
  return rowsOf(
    client,
    `SELECT s.sequencename AS name, s.last_value::FLOAT8 AS last, s.max_value::FLOAT8 AS most, s.data_type::TEXT AS type,
       has_sequence_privilege(c.oid, 'SELECT,USAGE') AS "isReadable", t.relname AS table, a.attname AS column
     FROM pg_sequences s JOIN pg_class c ON c.relname = s.sequencename AND c.relnamespace = to_regnamespace(quote_ident(s.schemaname))
     LEFT JOIN pg_depend d ON d.classid = 'pg_class'::REGCLASS AND d.objid = c.oid AND d.refclassid = 'pg_class'::REGCLASS AND d.refobjsubid > 0 AND d.deptype IN ('a', 'i')
     LEFT JOIN pg_class t ON t.oid = d.refobjid LEFT JOIN pg_attribute a ON a.attrelid = d.refobjid AND a.attnum = d.refobjsubid
     WHERE s.schemaname = $1 AND NOT s.cycle AND s.increment_by > 0 ORDER BY 1`,
    [schema],
  );
}

const integerOverflow: Check = {
  id: 'integer-key-overflow',
  title: 'A key runs out of numbers',
  why: 'When the last number is used every INSERT fails, and making room then takes a rewrite of the whole table while nothing works.',
  inSchema: true,
  async look(subject, notSeen) {
    const found: Found[] = [];
    const sequences = await sequencesOf(subject);
    for (const table of subject.tables)
      for (const column of table.columns) {
        const limit = integerLimits[column.base];
        const isKey = table.key.length === 1 && table.key[0] === column.name;
        const sequence = sequences.find((one) => one.table === table.name && one.column === column.name);
        if (limit === undefined || !(isKey || sequence)) continue;
        const place = `${table.name}.${column.name}`;
        const hidden = await hiddenFrom(subject, table, [column.name]);
        if (hidden !== null && !sequence?.isReadable) {
          notSeen(place, hidden);
          continue;
        }
        // The largest key is read off its index.
        const [largest] =
          hidden === null && isKey
            ? await rowsOf<{ n: number | null }>(
                subject.client,
                `SELECT max(${quoteName(column.name)})::FLOAT8 AS n FROM ${table.sql}`,
              )
            : [];
        const used = Math.max(largest?.n ?? 0, sequence?.last ?? 0);
        const severity = severityOfFullness(used / limit);
        if (severity) found.push(foundOverflow(subject, table, column, sequence ?? null, severity, used / limit));
      }
    return found;
  },
};

function foundOverflow(
  { schema, tables }: Subject,
  table: Table,
  column: Column,
  sequence: Sequence | null,
  severity: Found['severity'],
  full: number,
): Found {
  const referring = tables.flatMap((other) =>
    other.references
      .filter(({ table: to, targets }) => to === table.name && targets.length === 1 && targets[0] === column.name)
      .map(({ columns }) => ({ other, name: columns[0]! })),
  );
  return {
    severity,
    place: `${table.name}.${column.name}`,
    detail: `${Math.floor(full * 100)} % of ${column.base} is used`,
    apply: 'application-first',
    first:
      'The application must hold keys in 64 bits. The tables are rewritten, and locked meanwhile: choose a quiet time.',
    steps: [
      [
        `ALTER TABLE ${table.sql} ALTER COLUMN ${quoteName(column.name)} TYPE BIGINT`,
        ...(sequence ? [`ALTER SEQUENCE ${quoteName(schema)}.${quoteName(sequence.name)} AS BIGINT`] : []),
        ...referring.map(({ other, name }) => `ALTER TABLE ${other.sql} ALTER COLUMN ${quoteName(name)} TYPE BIGINT`),
      ],
    ],
  };
}

const sequenceEnd: Check = {
  id: 'sequence-near-end',
  title: 'A sequence runs out of numbers',
  why: 'After its last number every INSERT that asks it for one fails.',
  inSchema: true,
  async look(subject, notSeen) {
    const found: Found[] = [];
    for (const { name, last, most, isReadable, type, table, column } of await sequencesOf(subject)) {
      const filled = subject.tables.find((one) => one.name === table)?.columns.find((one) => one.name === column);
      // A column that is as narrow as its sequence runs out with it.
      if (filled && integerLimits[filled.base] !== undefined && most >= integerLimits[filled.base]!) continue;
      if (!isReadable) notSeen(name, 'this login may not read it');
      const severity = severityOfFullness((last ?? 0) / most);
      if (!severity) continue;
      const isNarrow = type !== 'bigint' && !(filled && integerLimits[filled.base] !== undefined);
      found.push({
        severity,
        place: name,
        detail: `${Math.floor(((last ?? 0) / most) * 100)} % of ${most} is used`,
        apply: 'online',
        steps: [
          [
            isNarrow
              ? `ALTER SEQUENCE ${quoteName(subject.schema)}.${quoteName(name)} AS BIGINT NO MAXVALUE`
              : `ALTER SEQUENCE ${quoteName(subject.schema)}.${quoteName(name)} NO MAXVALUE`,
          ],
        ],
      });
    }
    return found;
  },
};

/** A log of this size takes hours to delete from, to index and to vacuum. */
const largeLog = { rows: 10_000_000, bytes: 10 * 2 ** 30 };

const unpartitionedLog: Check = {
  id: 'unpartitioned-log',
  title: 'A large log is one piece',
  why: 'Old rows can be got rid of only by deleting them one by one, which bloats the table and holds back vacuum; a partition is dropped in an instant.',
  inSchema: true,
  look: ({ tables }) =>
    tables
      .filter(
        (table) =>
          (table.class === 'log' || table.class === 'audit') &&
          !table.isPartitioned &&
          (table.rows >= largeLog.rows || table.bytes >= largeLog.bytes),
      )
      .map(
        (table): Found => ({
          severity: 'medium',
          place: table.name,
          detail: `about ${Math.round(table.rows)} rows, ${Math.round(table.bytes / 2 ** 20)} MiB`,
          apply: 'by-hand',
          first:
            'Make a table of the same columns that is partitioned by their moment, with the moment in its key; attach the old table to it as the partition of everything until next month, behind a check that was validated before; then swap the names.',
          steps: [],
        }),
      ),
};

const defaultPartitionRows: Check = {
  id: 'default-partition-rows',
  title: 'Rows went where no partition was',
  why: 'A partition that was not made in time sends its rows to the default one: it cannot be made any more without moving them, and no retention finds them.',
  inSchema: true,
  async look(subject, notSeen) {
    const found: Found[] = [];
    for (const part of subject.relations.filter(({ isDefaultPartition }) => isDefaultPartition)) {
      const hidden = await hiddenFrom(
        subject,
        part,
        part.columns.map(({ name }) => name),
      );
      if (hidden !== null) {
        notSeen(part.name, hidden);
        continue;
      }
      const [row] = await rowsOf<{ some: boolean }>(
        subject.client,
        `SELECT EXISTS (SELECT FROM ONLY ${part.sql}) AS some`,
      );
      const parent = subject.relations.find(({ name }) => name === part.partitionOf);
      if (row?.some && parent) found.push(await foundStrays(subject, part, parent));
    }
    return found;
  },
};

async function foundStrays(subject: Subject, part: Table, parent: Table): Promise<Found> {
  const key = /^RANGE \("?([^"(),]+)"?\)$/.exec(parent.partitionKey ?? '')?.[1];
  const column = parent.columns.find(({ name }) => name === key);
  const months =
    column && /^(date|timestamp)/.test(column.base)
      ? await rowsOf<{ from: string; to: string; name: string }>(
          subject.client,
          `SELECT m::DATE::TEXT AS from, (m + INTERVAL '1 month')::DATE::TEXT AS to, to_char(m, 'YYYY_MM') AS name
           FROM (SELECT DISTINCT date_trunc('month', ${quoteName(column.name)}::TIMESTAMP) AS m FROM ONLY ${part.sql} WHERE isfinite(${quoteName(column.name)})) months ORDER BY 1`,
        )
      : [];
  const zone = column && / with time zone$/.test(column.base) ? ' 00:00:00+00' : '';
  const stray = quoteName(derivedName(part.name, '_strays'));
  const columns = listOf(parent.columns.filter(({ isGenerated }) => !isGenerated).map(({ name }) => name));
  const inSchema = (name: string) => `${quoteName(subject.schema)}.${name}`;
  return {
    severity: 'medium',
    place: part.name,
    detail:
      months.length > 0 ? `rows of ${months.map(({ name }) => name.replace('_', '-')).join(', ')}` : 'it holds rows',
    apply: months.length > 0 ? 'application-first' : 'by-hand',
    first:
      months.length > 0
        ? `Writers of ${parent.name} wait while its rows are moved: choose a quiet time.`
        : 'Make the partitions that are missing, and move the rows into them.',
    steps:
      months.length > 0
        ? [
            [
              `ALTER TABLE ${parent.sql} DETACH PARTITION ${part.sql}`,
              `ALTER TABLE ${part.sql} RENAME TO ${stray}`,
              `CREATE TABLE ${part.sql} PARTITION OF ${parent.sql} DEFAULT`,
              ...months.map(
                ({ from, to, name }) =>
                  `CREATE TABLE ${inSchema(quoteName(derivedName(parent.name, `_${name}`)))} PARTITION OF ${parent.sql} FOR VALUES FROM (${quoteText(from + zone)}) TO (${quoteText(to + zone)})`,
              ),
              `INSERT INTO ${parent.sql} (${columns}) OVERRIDING SYSTEM VALUE SELECT ${columns} FROM ${inSchema(stray)}`,
              `DROP TABLE ${inSchema(stray)}`,
            ],
          ]
        : [],
  };
}

/** What works today, and fails or cannot be kept up once there is more of it. */
export const capacityChecks = [integerOverflow, sequenceEnd, unpartitionedLog, defaultPartitionRows];
