import { quoteBody, quoteName, quoteText } from '../../quoting.ts';
import { derivedName } from '../derived-name.ts';
import type { Check, Found } from './finding.ts';
import { hiddenFrom } from './sample.ts';
import { columnNamed, isTextual, rowsOf, type Subject, type Table } from './subject.ts';
import { isExpiry, isLineage, isRevocation, isStatus } from './vocabulary.ts';

const has = (table: Table, is: (column: string) => boolean) => table.columns.some(({ name }) => is(name));

const admits = { keys: 'a key', sessions: 'a session', invitations: 'an invitation' } as const;

const missingExpiry: Check = {
  id: 'missing-expiry',
  title: 'What lets somebody in never expires',
  why: 'A key, session or invitation that was copied or forgotten works for ever. Expiry is what ends those that nobody remembers to revoke.',
  inSchema: true,
  look: ({ tables }) =>
    tables.flatMap((table): Found[] => {
      if (!(table.class in admits) || has(table, isExpiry)) return [];
      const kind = table.class as keyof typeof admits;
      return [
        {
          severity: kind === 'keys' ? 'medium' : 'high',
          place: table.name,
          detail: `no column says until when ${admits[kind]} is valid`,
          apply: 'by-plan',
          first: 'The application must set the expiry and refuse what has expired.',
          steps: [],
        },
      ];
    }),
};

const missingLineage: Check = {
  id: 'missing-lineage',
  title: 'Nothing says which key replaced which',
  why: 'Without it nobody can tell whether a leaked key’s successor was leaked as well, nor end the old one when its overlap is over.',
  inSchema: true,
  look: ({ tables }) =>
    tables.flatMap((table): Found[] =>
      table.class === 'keys' && table.key.length === 1 && !has(table, isLineage)
        ? [
            {
              severity: 'low',
              place: table.name,
              detail: 'no column refers to the key that a key replaces',
              apply: 'by-plan',
              first: 'The application must write it when it rotates a key.',
              steps: [],
            },
          ]
        : [],
    ),
};

const missingRevocation: Check = {
  id: 'missing-revocation',
  title: 'Nothing says when a key was revoked',
  why: 'After a leak the first question is what the key did between the leak and its end. Without the moment of the end there is no answer.',
  inSchema: true,
  look: ({ tables }) =>
    tables.flatMap((table): Found[] => {
      if (table.class !== 'keys' || has(table, isRevocation)) return [];
      const canEnd = has(table, (name) => isStatus(name) || /^(is_)?(active|enabled|revoked|disabled)$/i.test(name));
      return [
        {
          severity: canEnd ? 'low' : 'medium',
          place: table.name,
          detail: canEnd
            ? 'it has a state, and no moment'
            : 'it has neither a state nor a moment: keys can only be deleted',
          apply: 'online',
          steps: [[`ALTER TABLE ${table.sql} ADD COLUMN "revoked_at" TIMESTAMPTZ`]],
        },
      ];
    }),
};

const statusConstraint: Check = {
  id: 'unconstrained-status',
  title: 'Any word can stand in a status',
  why: 'A status decides who gets in. Where nothing says which words there are, a misspelt one is neither active nor revoked, and each program decides for itself.',
  inSchema: true,
  async look(subject, notSeen) {
    const found: Found[] = [];
    for (const table of subject.tables) {
      for (const column of table.columns.filter((one) => isStatus(one.name) && isTextual(one) && !one.isConstrained)) {
        const isBound =
          table.constraints.some(({ kind, columns }) => kind !== 'not null' && columns.includes(column.name)) ||
          table.key.includes(column.name);
        if (isBound) continue;
        const place = `${table.name}.${column.name}`;
        const hidden = await hiddenFrom(subject, table, [column.name]);
        if (hidden !== null) notSeen(place, `words in use: ${hidden}`);
        found.push(
          foundStatus(table, column.name, hidden === null ? await wordsInUse(subject, table, column.name) : null),
        );
      }
    }
    return found;
  },
};

/** Words that are no more than words, as a status has them; null where there is something else among them. */
async function wordsInUse({ client }: Subject, table: Table, column: string): Promise<string[] | null> {
  const name = quoteName(column);
  // Of so many rows: the words that are rarer are for the application to say.
  const rows = await rowsOf<{ word: string; isWord: boolean }>(
    client,
    `SELECT DISTINCT left(${name}::TEXT, 41) AS word, ${name}::TEXT ~ '^[A-Za-z][A-Za-z0-9 _.-]{0,39}$' AS "isWord"
     FROM (SELECT ${name} FROM ${table.sql} LIMIT 50000) one WHERE ${name} IS NOT NULL LIMIT 31`,
  );
  return rows.length > 30 || rows.some(({ isWord }) => !isWord) ? null : rows.map(({ word }) => word).toSorted();
}

function foundStatus(table: Table, column: string, words: string[] | null): Found {
  const name = quoteName(derivedName(`${table.name}_${column}`, '_known'));
  const isListed = words !== null && words.length > 0;
  const check = `CHECK (${quoteName(column)} IN (${(words ?? []).map(quoteText).join(', ')}))`;
  return {
    severity: 'low',
    place: `${table.name}.${column}`,
    detail: isListed ? `in use: ${words.join(', ')}` : 'no check, no enumerated type, no reference',
    apply: isListed ? 'application-first' : 'by-hand',
    first: isListed
      ? 'Complete the list by every word that the application writes; what is not on it is refused at once.'
      : 'Say which words there are, and add a check of them NOT VALID, then validate it.',
    steps: isListed
      ? [
          [`ALTER TABLE ${table.sql} ADD CONSTRAINT ${name} ${check}${table.isPartitioned ? '' : ' NOT VALID'}`],
          ...(table.isPartitioned ? [] : [[`ALTER TABLE ${table.sql} VALIDATE CONSTRAINT ${name}`]]),
        ]
      : [],
  };
}

const lastAdministrator: Check = {
  id: 'no-last-administrator-guard',
  title: 'The last administrator can be removed',
  why: 'An organization whose only administrator is demoted or deactivated by mistake cannot help itself; nothing at the database refuses it, whatever the programs do.',
  inSchema: true,
  async look(subject) {
    const { organization, tenancy, tables } = subject;
    if (organization?.key.length !== 1) return [];
    const found: Found[] = [];
    for (const table of tables.filter((one) => one.class === 'people')) {
      const role = columnNamed(table, 'role');
      const place = tenancy.get(table.name);
      if (!role || place?.class !== 'organization' || table.triggers.some(({ source }) => /admin/i.test(source)))
        continue;
      if ((await hiddenFrom(subject, table, [role.name])) !== null) continue;
      const words = (await wordsInUse(subject, table, role.name)) ?? [];
      const admin = words.find((word) => /^(admin|administrator|owner)$/i.test(word));
      if (admin !== undefined) found.push(foundUnguarded(subject, table, organization, place.column, admin));
    }
    return found;
  },
};

function foundUnguarded(subject: Subject, table: Table, organization: Table, column: string, admin: string): Found {
  const name = quoteName(derivedName(table.name, '_keep_last_administrator'));
  const routine = `${quoteName(subject.schema)}.${name}`;
  const status = columnNamed(table, 'status');
  const isActive = columnNamed(table, 'is_active') ?? columnNamed(table, 'active');
  const works = (row: string) =>
    [
      `${row}."role" = ${quoteText(admin)}`,
      ...(status ? [`${row}."status" = 'active'`] : isActive ? [`${row}.${quoteName(isActive.name)}`] : []),
    ].join(' AND ');
  const of = quoteName(column);
  return {
    severity: 'low',
    place: table.name,
    detail: `no trigger keeps one ${admin} in each organization`,
    apply: 'application-first',
    first: 'The application must be able to tell a person that central refused (SQLSTATE 23514).',
    steps: [
      [
        `CREATE FUNCTION ${routine}() RETURNS TRIGGER LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS ${quoteBody(`BEGIN
  IF (${works('OLD')}) IS NOT TRUE THEN
    RETURN NULL;
  END IF;
  -- Two administrators who remove each other at once take turns. An organization that goes as a whole may go.
  PERFORM 1 FROM ${organization.sql} AS o WHERE o.${quoteName(organization.key[0]!)} = OLD.${of} FOR NO KEY UPDATE;
  IF FOUND AND NOT EXISTS (SELECT 1 FROM ${table.sql} AS p WHERE p.${of} = OLD.${of} AND ${works('p')}) THEN
    RAISE EXCEPTION 'An organization needs an administrator.' USING ERRCODE = 'check_violation';
  END IF;
  RETURN NULL;
END`)}`,
        `CREATE CONSTRAINT TRIGGER ${name} AFTER UPDATE OR DELETE ON ${table.sql} DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION ${routine}()`,
      ],
    ],
  };
}

export const lifecycleChecks = [missingExpiry, missingLineage, missingRevocation, statusConstraint, lastAdministrator];
