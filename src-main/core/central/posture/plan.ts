import { LatchkeyError } from '../../../contract/errors.ts';
import { quoteName } from '../../quoting.ts';
import { derivedName } from '../derived-name.ts';
import {
  batchSql,
  begin,
  begun,
  dualWrite,
  emptied,
  finish,
  indexSteps,
  keepingOf,
  ownSchema,
  type Plan,
  type PlanOptions,
  rowsPerBatch,
  slowRowsPerBatch,
  unusedConditions,
} from './plan-steps.ts';
import { canHoldSecret } from './sample.ts';
import { type Column, columnNamed, isTextual, listOf, type Subject, type Table } from './subject.ts';
import { baseOfSecret, isExpiry, isLineage, isPasswordName, isPresented, isRevocation } from './vocabulary.ts';

export const plannedChecks = ['plaintext-secrets', 'missing-expiry', 'missing-lineage'];

/**
 * The plan that mends a finding, whether it is still found or the plan is half carried out.
 * @throws LatchkeyError `invalid-input` where no plan is for it, `not-found`, `not-supported` with the reason
 */
export function planOf(subject: Subject, id: string, options: PlanOptions = {}): Plan {
  const [check = '', place = ''] = [id.slice(0, id.indexOf(':')), id.slice(id.indexOf(':') + 1)];
  if (!plannedChecks.includes(check))
    throw new LatchkeyError(
      'invalid-input',
      `No plan is for “${id}”. There are plans for findings of ${plannedChecks.join(', ')}.`,
      { field: 'plan' },
    );
  const table = subject.tables.find(({ name }) => place === name || place.startsWith(`${name}.`));
  const column = table && check === 'plaintext-secrets' ? columnNamed(table, place.slice(table.name.length + 1)) : null;
  if (!table || (check === 'plaintext-secrets' && !column))
    throw new LatchkeyError('not-found', `Schema ${subject.schema} has no ${place}. Nothing was changed.`, {
      field: 'plan',
    });
  const refuse = (why: string) => {
    throw new LatchkeyError('not-supported', `${place} cannot be changed in steps by a program: ${why}`);
  };
  if (table.isPartitioned) refuse('it is partitioned.');
  if (table.key.length === 0) refuse(`it has no primary key. Mend no-primary-key:${table.name} first.`);
  const isBegun = subject.plans.has(`${subject.schema}/${id}`);
  const isThere = check === 'missing-expiry' ? isExpiry : isLineage;
  if (check !== 'plaintext-secrets' && !isBegun && table.columns.some(({ name }) => isThere(name)))
    throw new LatchkeyError('not-found', `${id} is not found: the table has such a column. Nothing was changed.`, {
      field: 'plan',
    });
  if (check === 'missing-expiry') return expiryPlan(subject, table, id, options);
  if (check === 'missing-lineage') {
    if (table.key.length > 1) refuse('its primary key has several columns.');
    return lineagePlan(subject, table, id);
  }
  if (!canHoldSecret(column!) || column!.base.endsWith('[]')) refuse(`it is ${column!.type}.`);
  if (table.key.includes(column!.name)) refuse('it is part of the primary key.');
  if (column!.isGenerated) refuse('it is generated.');
  return isPresented(table.name, column!.name)
    ? referencePlan(subject, table, column!, id, options)
    : hashPlan(subject, table, column!, id, options);
}

function hashPlan(subject: Subject, table: Table, column: Column, id: string, options: PlanOptions): Plan {
  const old = quoteName(column.name);
  const isSlow = isPasswordName(column.name) && table.class === 'people';
  const base = baseOfSecret(column.name);
  const hashName = newName(subject, table, id, [`${base}_hash`, `${base}_digest`, `${base}_sha256`]);
  const prefixName = `${base}_prefix`;
  const hash = quoteName(hashName);
  const keeping = keepingOf(subject, table, column.name, id);
  const digest = isSlow ? slowDigest(subject) : fastDigest(column);
  const prefix =
    table.class === 'keys' && isTextual(column) && hasRoomForPrefix(table, prefixName) ? quoteName(prefixName) : null;
  // The start of a short key would tell too much of it.
  const marks = (row: string) => `CASE WHEN length(${row}) >= 20 THEN left(${row}, 8) END`;
  const set = (row: string) => [
    `${hash} = ${digest(`${row}.${old}`)}`,
    ...(prefix ? [`${prefix} = coalesce(${row}.${prefix}, ${marks(`${row}.${old}`)})`] : []),
  ];
  const uniqueBefore = table.indexes.some(
    ({ isUnique, columns }) => isUnique && columns.length === 1 && columns[0] === column.name,
  );
  const index = derivedName(`${table.name}_${hashName}`, uniqueBefore ? '_key' : '_idx');
  const lookup = isSlow
    ? `SELECT … FROM ${table.sql} WHERE email = $1, then check the password against ${hashName} (bcrypt)`
    : `SELECT … FROM ${table.sql} WHERE ${hash} = ${digest('$1')}`;
  return {
    id,
    table: table.sql,
    phases: {
      expand: [
        ownSchema,
        {
          kind: 'statements',
          what: `New columns, and a trigger that fills them whoever writes ${column.name}`,
          steps: [
            ...(isSlow && subject.pgcrypto === null
              ? [['CREATE EXTENSION IF NOT EXISTS pgcrypto WITH SCHEMA public']]
              : []),
            [
              ...begin(keeping, hashName),
              `ALTER TABLE ${table.sql} ${[
                ...added(table, hashName, 'TEXT'),
                ...(prefix ? added(table, prefixName, 'VARCHAR(16)') : []),
                ...(table.class === 'keys' ? lifecycleColumns(table) : []),
                `ALTER COLUMN ${old} DROP NOT NULL`,
              ].join(', ')}`,
              ...dualWrite(table, keeping, old, [
                `NEW.${hash} := ${digest(`NEW.${old}`)}`,
                ...(prefix ? [`NEW.${prefix} := ${marks(`NEW.${old}`)}`] : []),
              ]),
            ],
          ],
        },
        {
          kind: 'batches',
          what: `Hashes of what stands in ${column.name}`,
          batch: batchSql(
            table,
            `r.${old} IS NOT NULL AND ${isSlow ? `r.${hash} IS NULL` : `r.${hash} IS DISTINCT FROM ${digest(`r.${old}`)}`}`,
            set('r'),
            isSlow ? slowRowsPerBatch : rowsPerBatch,
          ),
        },
        ...(isSlow
          ? []
          : [
              {
                kind: 'statements' as const,
                what: 'An index to look hashes up by',
                steps: indexSteps(
                  subject,
                  table,
                  index,
                  `CREATE ${uniqueBefore ? 'UNIQUE ' : ''}INDEX CONCURRENTLY ${quoteName(index)} ON ${table.sql} (${hash})`,
                ),
              },
            ]),
      ],
      contract: [
        ownSchema,
        begun(keeping),
        {
          kind: 'condition',
          what: `Every ${column.name} has its hash`,
          query: `SELECT format('%s rows have no hash, or another one than that of the secret. Run expand again.', count(*)) AS reason
FROM ${table.sql} AS r WHERE r.${old} IS NOT NULL AND ${isSlow ? `r.${hash} IS NULL` : `r.${hash} IS DISTINCT FROM ${digest(`r.${old}`)}`} HAVING count(*) > 0`,
        },
        ...unusedConditions(subject, table, column, keeping, options),
        ...emptied(table, old, column, keeping, options),
      ],
    },
    change: [
      `Reads: ${lookup}.`,
      `Writes: ${hashName}${prefix ? ` and ${prefixName} (its first 8 characters, to recognize it by)` : ''}, and nothing into ${column.name}; a trigger fills them for whoever writes ${column.name} still.`,
      isSlow
        ? 'New passwords are hashed by the application: bcrypt, scrypt or argon2.'
        : `A secret is as good as random: a SHA-256 of it cannot be guessed. Never compare with ${column.name} any more.`,
      'Roles with rights on single columns need them on the new ones.',
    ].join('\n'),
  };
}

/** For what the host itself presents elsewhere: only a vault can keep that, and only whoever runs the host can bring it there. */
function referencePlan(subject: Subject, table: Table, column: Column, id: string, options: PlanOptions): Plan {
  const old = quoteName(column.name);
  const base = baseOfSecret(column.name);
  const referenceName = newName(subject, table, id, [`${base}_ref`, `${base}_vault_ref`, `${column.name}_reference`]);
  const reference = quoteName(referenceName);
  const keeping = keepingOf(subject, table, column.name, id);
  return {
    id,
    table: table.sql,
    phases: {
      expand: [
        ownSchema,
        {
          kind: 'statements',
          what: `A column for where the vault keeps it, and a trigger that notes who writes ${column.name} still`,
          steps: [
            [
              ...begin(keeping, referenceName),
              `ALTER TABLE ${table.sql} ${[...added(table, referenceName, 'TEXT'), `ALTER COLUMN ${old} DROP NOT NULL`].join(', ')}`,
              ...dualWrite(table, keeping, old, []),
            ],
          ],
        },
      ],
      contract: [
        ownSchema,
        begun(keeping),
        {
          kind: 'condition',
          what: 'Every secret is in the vault',
          query: `SELECT format('%s rows hold a secret and no reference to a vault.', count(*)) AS reason FROM ${table.sql} AS r WHERE r.${old} IS NOT NULL AND r.${reference} IS NULL HAVING count(*) > 0`,
        },
        ...unusedConditions(subject, table, column, keeping, options),
        ...emptied(table, old, column, keeping, options),
      ],
    },
    change: [
      `Move: store each secret in the vault, and write where it is into ${referenceName}, such as vault:secret/data/…#….`,
      `  SELECT ${listOf(table.key)} FROM ${table.sql} WHERE ${old} IS NOT NULL AND ${reference} IS NULL ORDER BY ${listOf(table.key)};`,
      `Reads: ${referenceName}, and the secret from the vault.`,
      `Writes: ${referenceName}, and nothing into ${column.name}.`,
      'Roles with rights on single columns need them on the new one.',
    ].join('\n'),
  };
}

function expiryPlan(subject: Subject, table: Table, id: string, options: PlanOptions): Plan {
  const days = options.days ?? { keys: 365, sessions: 30 }[table.class as string] ?? 7;
  const keeping = keepingOf(subject, table, 'expiry', id);
  const existing = table.columns.find(({ name }) => isExpiry(name))?.name ?? 'expires_at';
  const expiry = quoteName(existing);
  const check = quoteName(derivedName(table.name, '_expires'));
  const index = derivedName(`${table.name}_${existing}`, '_idx');
  return {
    id,
    table: table.sql,
    phases: {
      expand: [
        ownSchema,
        {
          kind: 'statements',
          what: `The column, which fills itself with ${days} days from now`,
          steps: [
            [
              ...begin(keeping, existing),
              ...(columnNamed(table, existing) ? [] : [`ALTER TABLE ${table.sql} ADD COLUMN ${expiry} TIMESTAMPTZ`]),
              `ALTER TABLE ${table.sql} ALTER COLUMN ${expiry} SET DEFAULT (now() + INTERVAL '${days} days')`,
            ],
          ],
        },
        {
          kind: 'batches',
          what: `${days} days from now for what is there`,
          batch: batchSql(table, `r.${expiry} IS NULL`, [`${expiry} = now() + INTERVAL '${days} days'`], rowsPerBatch),
        },
        {
          kind: 'statements',
          what: 'An index by expiry, to see what comes next',
          steps: indexSteps(
            subject,
            table,
            index,
            `CREATE INDEX CONCURRENTLY ${quoteName(index)} ON ${table.sql} (${expiry})`,
          ),
        },
      ],
      contract: [
        ownSchema,
        begun(keeping),
        {
          kind: 'condition',
          what: 'Everything expires',
          query: `SELECT format('%s rows never expire. Run expand again, or give them an expiry.', count(*)) AS reason FROM ${table.sql} AS r WHERE r.${expiry} IS NULL HAVING count(*) > 0`,
        },
        {
          kind: 'statements',
          what: 'No more without expiry; a check that was validated before spares NOT NULL the scan',
          steps: [
            [
              `ALTER TABLE ${table.sql} DROP CONSTRAINT IF EXISTS ${check}`,
              `ALTER TABLE ${table.sql} ADD CONSTRAINT ${check} CHECK (${expiry} IS NOT NULL) NOT VALID`,
            ],
            [`ALTER TABLE ${table.sql} VALIDATE CONSTRAINT ${check}`],
            [
              `ALTER TABLE ${table.sql} ALTER COLUMN ${expiry} SET NOT NULL`,
              `ALTER TABLE ${table.sql} DROP CONSTRAINT ${check}`,
              ...finish(keeping),
            ],
          ],
        },
      ],
    },
    change: [
      `Reads: whoever lets in refuses where ${existing} <= now().`,
      `Writes: ${existing} of each new row; the default is ${days} days.`,
      'Tell the owners of what expires first, and renew what must go on:',
      `  SELECT ${listOf(table.key)}, ${expiry} FROM ${table.sql} ORDER BY ${expiry} LIMIT 100;`,
    ].join('\n'),
  };
}

function lineagePlan(subject: Subject, table: Table, id: string): Plan {
  const keeping = keepingOf(subject, table, 'lineage', id);
  const [key] = table.key;
  const existing = table.columns.find(({ name }) => isLineage(name))?.name ?? 'rotated_from';
  const from = quoteName(existing);
  const type = columnNamed(table, key!)!.type;
  const reference = quoteName(derivedName(`${table.name}_${existing}`, '_fkey'));
  const other = quoteName(derivedName(`${table.name}_${existing}`, '_other'));
  const index = derivedName(`${table.name}_${existing}`, '_idx');
  return {
    id,
    table: table.sql,
    phases: {
      expand: [
        ownSchema,
        {
          kind: 'statements',
          what: 'The column, and that it names another key of the table',
          steps: [
            [
              ...begin(keeping, existing),
              ...(columnNamed(table, existing) ? [] : [`ALTER TABLE ${table.sql} ADD COLUMN ${from} ${type}`]),
              ...unlessThere(
                table,
                reference,
                `FOREIGN KEY (${from}) REFERENCES ${table.sql} (${quoteName(key!)}) ON DELETE SET NULL NOT VALID`,
              ),
              ...unlessThere(table, other, `CHECK (${from} <> ${quoteName(key!)}) NOT VALID`),
            ],
            [`ALTER TABLE ${table.sql} VALIDATE CONSTRAINT ${reference}`],
            [`ALTER TABLE ${table.sql} VALIDATE CONSTRAINT ${other}`],
            ...indexSteps(
              subject,
              table,
              index,
              `CREATE INDEX CONCURRENTLY ${quoteName(index)} ON ${table.sql} (${from})`,
            ),
          ],
        },
      ],
      contract: [
        ownSchema,
        begun(keeping),
        {
          kind: 'condition',
          what: 'No key replaces itself by way of others',
          query: `SELECT format('%s keys replace themselves by way of others.', count(*)) AS reason
FROM (WITH RECURSIVE line AS (
    SELECT ${quoteName(key!)} AS start, ${from} AS next FROM ${table.sql} WHERE ${from} IS NOT NULL
    UNION SELECT line.start, r.${from} FROM line JOIN ${table.sql} AS r ON r.${quoteName(key!)} = line.next WHERE r.${from} IS NOT NULL)
  SELECT FROM line WHERE start = next) circles HAVING count(*) > 0`,
        },
        { kind: 'statements', what: 'Nothing old is left to take away', steps: [finish(keeping)] },
      ],
    },
    change: [
      `Writes: a rotation sets ${existing} of the new key to the old one’s ${key}.`,
      'Reads: of an old key, whether another one has replaced it:',
      `  SELECT ${quoteName(key!)} FROM ${table.sql} WHERE ${from} = $1;`,
    ].join('\n'),
  };
}

/** A name that no column has yet: what stands in one of the host's own is not for a plan to overwrite. Or the one that the plan made. */
function newName({ plans, schema }: Subject, table: Table, id: string, names: string[]): string {
  const name = plans.get(`${schema}/${id}`) ?? names.find((wanted) => !columnNamed(table, wanted));
  if (name !== undefined) return name;
  throw new LatchkeyError(
    'not-supported',
    `${id} cannot be planned: the table has columns called ${names.join(', ')}.`,
  );
}

function hasRoomForPrefix(table: Table, name: string): boolean {
  const there = columnNamed(table, name);
  const width = /^character(?: varying)?\((\d+)\)$/.exec(there?.base ?? '')?.[1];
  return !there || (isTextual(there) && (width === undefined || Number(width) >= 8));
}

function added(table: Table, name: string, type: string): string[] {
  return columnNamed(table, name) ? [] : [`ADD COLUMN ${quoteName(name)} ${type}`];
}

/** What a key needs to be rotated and revoked, where it has none of it. */
function lifecycleColumns(table: Table): string[] {
  const has = (is: (column: string) => boolean) => table.columns.some(({ name }) => is(name));
  return [
    ...(has(isExpiry) ? [] : [`ADD COLUMN "expires_at" TIMESTAMPTZ`]),
    ...(has(isLineage) || table.key.length > 1
      ? []
      : [`ADD COLUMN "rotated_from" ${columnNamed(table, table.key[0]!)!.type}`]),
    ...(has(isRevocation) ? [] : [`ADD COLUMN "revoked_at" TIMESTAMPTZ`]),
  ];
}

function unlessThere(table: Table, name: string, definition: string): string[] {
  return table.constraints.some((constraint) => quoteName(constraint.name) === name)
    ? []
    : [`ALTER TABLE ${table.sql} ADD CONSTRAINT ${name} ${definition}`];
}

function fastDigest(column: Column): (value: string) => string {
  return (value) =>
    column.base === 'bytea'
      ? `encode(sha256(${value}::BYTEA), 'hex')`
      : `encode(sha256(convert_to(${value}::TEXT, 'UTF8')), 'hex')`;
}

/** The types are spelled out: a function of the same name for another type could be anybody's. */
function slowDigest({ pgcrypto }: Subject): (value: string) => string {
  const schema = quoteName(pgcrypto ?? 'public');
  return (value) => `${schema}.crypt(${value}::TEXT, ${schema}.gen_salt('bf'::TEXT, 12))`;
}
