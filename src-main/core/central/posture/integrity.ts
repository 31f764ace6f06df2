import { quoteName } from '../../quoting.ts';
import { derivedName } from '../derived-name.ts';
import type { Check, Found, Step } from './finding.ts';
import { type Constraint, listOf, type Reference, type Subject, type Table } from './subject.ts';

const primaryKey: Check = {
  id: 'no-primary-key',
  title: 'A table has no primary key',
  why: 'Rows without a key cannot be told apart: neither replication nor Latchkey nor an audit can say which of two equal rows changed.',
  inSchema: true,
  look: ({ tables }) =>
    tables.flatMap((table): Found[] => {
      if (table.key.length > 0) return [];
      const unique = table.indexes.find(
        ({ isUnique, isValid, predicate, columns }) =>
          isUnique &&
          isValid &&
          predicate === null &&
          columns.every((name) => table.columns.some((one) => one.name === name && one.notNull)),
      );
      const name = quoteName(derivedName(table.name, '_pkey'));
      if (unique && !table.isPartitioned)
        return [
          {
            severity: 'medium',
            place: table.name,
            detail: `its unique index ${unique.name} tells its rows apart as well`,
            apply: 'online',
            steps: unique.isConstraint
              ? [
                  [
                    `CREATE UNIQUE INDEX CONCURRENTLY ${name} ON ${table.sql} (${listOf(unique.columns.filter((one) => one !== null))})`,
                  ],
                  [`ALTER TABLE ${table.sql} ADD CONSTRAINT ${name} PRIMARY KEY USING INDEX ${name}`],
                ]
              : [[`ALTER TABLE ${table.sql} ADD CONSTRAINT ${name} PRIMARY KEY USING INDEX ${quoteName(unique.name)}`]],
          },
        ];
      const free = ['id', 'row_id'].find((wanted) => !table.columns.some((column) => column.name === wanted));
      return [
        {
          severity: 'medium',
          place: table.name,
          detail: 'and no column that is unique and never empty',
          apply: table.isPartitioned || !free ? 'by-hand' : 'application-first',
          first: table.isPartitioned
            ? 'Say which columns tell its rows apart; the columns that it is partitioned by must be among them.'
            : 'The table is rewritten, and locked meanwhile: choose a quiet time. Programs that insert without naming columns must name them.',
          steps:
            table.isPartitioned || !free
              ? []
              : [
                  [
                    `ALTER TABLE ${table.sql} ADD COLUMN "${free}" BIGINT GENERATED ALWAYS AS IDENTITY CONSTRAINT ${name} PRIMARY KEY`,
                  ],
                ],
        },
      ];
    }),
};

const foreignKeyIndex: Check = {
  id: 'missing-foreign-key-index',
  title: 'A foreign key has no index',
  why: 'Each DELETE and key change of the row that is referred to reads the whole table to look for references, and holds its locks meanwhile.',
  inSchema: true,
  look: (subject) =>
    subject.tables.flatMap((table) =>
      table.references
        .filter((reference) => !isIndexed(table, reference))
        .map((reference): Found => {
          const isDeep = table.isPartitioned && partitionsOf(subject, table).some(({ isPartitioned }) => isPartitioned);
          return {
            severity: table.rows > 10_000 ? 'medium' : 'low',
            place: `${table.name}.${reference.columns.join('+')}`,
            detail: `refers to ${reference.table}, ON DELETE ${reference.onDelete.toUpperCase()}; about ${Math.round(table.rows)} rows`,
            ...(isDeep
              ? {
                  apply: 'application-first',
                  first: 'Writers of the table wait while it is indexed: choose a quiet time.',
                }
              : { apply: 'online' }),
            steps: isDeep
              ? [[`CREATE INDEX ON ${table.sql} (${listOf(reference.columns)})`]]
              : indexSteps(subject, table, reference.columns),
          };
        }),
    ),
};

function isIndexed(table: Table, { columns }: Reference): boolean {
  return table.indexes.some(({ isValid, columns: indexed, predicate, definition }) => {
    if (!isValid || !/ USING (btree|hash) /.test(definition)) return false;
    const leading = indexed.slice(0, columns.length);
    if (!columns.every((column) => leading.includes(column))) return false;
    return (
      predicate === null ||
      columns.some((column) => predicate === `(${column} IS NOT NULL)` || predicate === `("${column}" IS NOT NULL)`)
    );
  });
}

function partitionsOf({ relations }: Subject, table: Table): Table[] {
  return relations.filter(({ partitionOf }) => partitionOf === table.name);
}

/** Of a partitioned table each partition is indexed by itself: PostgreSQL cannot index all of it concurrently. */
function indexSteps(subject: Subject, table: Table, columns: string[]): Step[] {
  const nameFor = (of: Table) => derivedName(`${of.name}_${columns.join('_')}`, '_idx');
  const name = quoteName(freeName(subject, nameFor(table)));
  const on = `(${listOf(columns)})`;
  if (!table.isPartitioned) return [[`CREATE INDEX CONCURRENTLY ${name} ON ${table.sql} ${on}`]];
  return [
    [`CREATE INDEX ${name} ON ONLY ${table.sql} ${on}`],
    ...partitionsOf(subject, table).flatMap((part) => {
      const own = quoteName(freeName(subject, nameFor(part)));
      return [
        [`CREATE INDEX CONCURRENTLY ${own} ON ${part.sql} ${on}`],
        [`ALTER INDEX ${quoteName(subject.schema)}.${name} ATTACH PARTITION ${quoteName(subject.schema)}.${own}`],
      ];
    }),
  ];
}

function freeName({ relations }: Subject, wanted: string): string {
  const taken = new Set(relations.flatMap(({ name, indexes }) => [name, ...indexes.map((index) => index.name)]));
  let name = wanted;
  for (let n = 2; taken.has(name); n++) name = derivedName(wanted, `_${n}`);
  return name;
}

const invalidIndex: Check = {
  id: 'invalid-index',
  title: 'An index is broken',
  why: 'It was left behind by a CREATE INDEX CONCURRENTLY that failed: every write pays for it, and no query uses it; a unique one does not hold.',
  inSchema: true,
  look: (subject) =>
    subject.relations
      .filter(({ isPartitioned }) => !isPartitioned)
      .flatMap((table) =>
        table.indexes
          .filter(({ isValid }) => !isValid)
          .map(({ name, isUnique }): Found => {
            const index = `${quoteName(subject.schema)}.${quoteName(name)}`;
            const isLeftover = /_cc(new|old)\d*$/.test(name);
            return {
              severity: isUnique ? 'high' : 'medium',
              place: name,
              detail: `on ${table.name}${isUnique ? ', and should be unique' : ''}`,
              apply: 'online',
              steps: [[isLeftover ? `DROP INDEX CONCURRENTLY ${index}` : `REINDEX INDEX CONCURRENTLY ${index}`]],
            };
          }),
      ),
};

const unvalidatedConstraint: Check = {
  id: 'unvalidated-constraint',
  title: 'A constraint was never checked',
  why: 'It holds for rows that are written now; older ones may break it, and the planner and every reader must not rely on it.',
  inSchema: true,
  look: ({ tables }) =>
    tables.flatMap((table) =>
      table.constraints.flatMap((constraint): Found[] => {
        if (constraint.isValidated && constraint.isEnforced) return [];
        const name = quoteName(constraint.name);
        return [
          {
            severity: constraint.isEnforced ? 'low' : 'medium',
            place: `${table.name}.${constraint.name}`,
            detail: `${constraint.kind}, ${constraint.isEnforced ? 'NOT VALID' : 'NOT ENFORCED'}`,
            ...(constraint.isEnforced
              ? { apply: 'online', steps: [[`ALTER TABLE ${table.sql} VALIDATE CONSTRAINT ${name}`]] }
              : {
                  apply: 'application-first',
                  first: 'Rows that break it must be mended, and the application must not write any more of them.',
                  steps: enforceSteps(table, constraint),
                }),
          },
        ];
      }),
    ),
};

function enforceSteps(table: Table, { name, definition }: Constraint): Step[] {
  const enforced = definition.replace(/ NOT (ENFORCED|VALID)/g, '');
  return [
    [
      `ALTER TABLE ${table.sql} DROP CONSTRAINT ${quoteName(name)}`,
      `ALTER TABLE ${table.sql} ADD CONSTRAINT ${quoteName(name)} ${enforced} NOT VALID`,
    ],
    [`ALTER TABLE ${table.sql} VALIDATE CONSTRAINT ${quoteName(name)}`],
  ];
}

const unloggedTable: Check = {
  id: 'unlogged-table',
  title: 'A crash empties a table',
  why: 'An unlogged table is truncated when the server restarts after a crash, is in no standby, and in no backup from the WAL.',
  inSchema: true,
  look: ({ relations }) =>
    relations
      .filter(({ isUnlogged }) => isUnlogged)
      .map(
        (table): Found => ({
          severity: table.class === 'log' || table.class === 'other' ? 'medium' : 'high',
          place: table.name,
          detail: 'UNLOGGED',
          apply: 'application-first',
          first: 'The table is rewritten, and locked meanwhile: choose a quiet time. Writes cost more from then on.',
          steps: [[`ALTER TABLE ${table.sql} SET LOGGED`]],
        }),
      ),
};

const bareTimestamps: Check = {
  id: 'timestamps-without-zone',
  title: 'Moments are kept without their time zone',
  why: 'The same expiry means different moments to two programs with different settings, and one hour a year happens twice: an audit cannot put events in order.',
  inSchema: true,
  look: ({ tables, hasLatchkey }) =>
    tables.flatMap((table): Found[] => {
      const bare = table.columns
        .filter(({ base }) => /^timestamp(\(\d\))? without time zone$/.test(base))
        .map(({ name }) => name);
      if (bare.length === 0) return [];
      const movable = bare.filter(
        (name) => !new RegExp(`\\b${name.replace(/\W/g, '\\$&')}\\b`).test(table.partitionKey ?? ''),
      );
      const suspend = hasLatchkey
        ? ' Run latchkey central suspend before it and latchkey central upgrade after it.'
        : '';
      return [
        {
          severity: 'low',
          place: table.name,
          detail: bare.join(', '),
          apply: movable.length > 0 ? 'application-first' : 'by-hand',
          first:
            movable.length > 0
              ? `The application must read and write moments with their zone. What is there is taken for UTC: where the host wrote another zone’s time, change the first statement. The table is locked while indexes on these columns are built anew.${suspend}`
              : 'It is partitioned by this column, whose type cannot change: move the rows into a table made anew.',
          steps:
            movable.length > 0
              ? [
                  [
                    `SET LOCAL TimeZone = 'UTC'`,
                    `ALTER TABLE ${table.sql} ${movable.map((name) => `ALTER COLUMN ${quoteName(name)} TYPE TIMESTAMPTZ`).join(', ')}`,
                  ],
                ]
              : [],
        },
      ];
    }),
};

export const integrityChecks = [
  primaryKey,
  foreignKeyIndex,
  invalidIndex,
  unvalidatedConstraint,
  unloggedTable,
  bareTimestamps,
];
