import { quoteBody, quoteName, quoteText } from '../../quoting.ts';
import { derivedName } from '../derived-name.ts';
import type { Check, Found, Severity } from './finding.ts';
import { columnNamed, listOf, type Reference, type Subject, type Table, tableNamed } from './subject.ts';

const rewrites = ['UPDATE', 'DELETE', 'TRUNCATE'];

/** The audit trail itself, rather than a log of calls or visits that is evidence as well. */
function isTrail({ system }: Subject, { name }: Table): boolean {
  return /audit/i.test(name) || name === system?.activity?.table;
}

const auditRights: Check = {
  id: 'audit-rights',
  title: 'An application may rewrite its own audit entries',
  why: 'Whoever breaks into the application takes over its rights: with these they can erase the traces of having been there.',
  inSchema: true,
  look: (subject) =>
    subject.tables.flatMap((table): Found[] => {
      if (table.class !== 'audit') return [];
      const grants = table.grants.filter(({ privilege }) => rewrites.includes(privilege));
      if (grants.length === 0) return [];
      const byGrantee = Map.groupBy(grants, ({ grantee }) => grantee);
      const named = [...byGrantee].map(
        ([grantee, rights]) => `${grantee}: ${rights.map(({ privilege }) => privilege).join(', ')}`,
      );
      return [
        {
          severity: byGrantee.has('PUBLIC') ? 'critical' : isTrail(subject, table) ? 'high' : 'medium',
          place: table.name,
          detail: named.join('; '),
          apply: 'application-first',
          first: 'Whatever deletes old entries must go on as the owner, best by dropping whole partitions.',
          steps: [
            [...byGrantee.keys()].map(
              (grantee) => `REVOKE ${rewrites.join(', ')} ON ${table.sql} FROM ${granteeSql(grantee)}`,
            ),
          ],
        },
      ];
    }),
};

export function granteeSql(grantee: string): string {
  return grantee === 'PUBLIC' ? grantee : quoteName(grantee);
}

const appendOnly: Check = {
  id: 'audit-append-only',
  title: 'Audit entries can be changed and deleted',
  why: 'An audit table proves nothing where its rows can be edited afterwards and no trigger refuses; a mistaken statement in a migration is enough.',
  inSchema: true,
  look: (subject) =>
    subject.tables.flatMap((table): Found[] => {
      if (table.class !== 'audit' || isGuarded(table)) return [];
      const owner = subject.roles.get(table.owner);
      return [
        {
          severity: owner?.canLogIn && !owner.isSuperuser ? 'medium' : 'low',
          place: table.name,
          detail: `no trigger refuses UPDATE, DELETE and TRUNCATE; ${table.owner}, who owns it, needs no right for them`,
          apply: 'application-first',
          first: 'Whatever deletes old entries must drop or detach whole partitions instead.',
          steps: [appendOnlySql(subject, table)],
        },
      ];
    }),
};

/** Whether triggers that refuse stand in every way of changing rows. */
function isGuarded({ triggers }: Table): boolean {
  const refusing = triggers.filter(
    ({ isEnabled, isBefore, source }) => isEnabled && isBefore && /RAISE\s+EXCEPTION|RETURN\s+NULL/i.test(source),
  );
  return refusing.some(({ onUpdate }) => onUpdate) && refusing.some(({ onDelete }) => onDelete);
}

/**
 * References that a deleted row empties go on working: the entry loses who it was about, and nothing else. And Latchkey takes back what it had
 * told of somebody who is erased: its rights on such a table end with the columns that it told that in.
 */
function appendOnlySql(subject: Subject, table: Table): string[] {
  const name = quoteName(derivedName(table.name, '_append_only'));
  const routine = `${quoteName(subject.schema)}.${name}`;
  const emptied = table.references.filter(({ onDelete }) => onDelete === 'set null').flatMap(({ columns }) => columns);
  const letsGo =
    emptied.length === 0
      ? ''
      : `  IF TG_OP = 'UPDATE' AND to_jsonb(NEW) - ${keys(emptied)} = to_jsonb(OLD) - ${keys(emptied)}
    AND ${emptied.map((column) => `(NEW.${quoteName(column)} IS NULL OR NEW.${quoteName(column)} = OLD.${quoteName(column)})`).join(' AND ')} THEN
    RETURN NEW;
  END IF;
`;
  return [
    `CREATE FUNCTION ${routine}() RETURNS TRIGGER LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS ${quoteBody(`BEGIN
  IF TG_OP = 'UPDATE' AND current_user = 'latchkey_owner' THEN
    RETURN NEW;
  END IF;
${letsGo}  RAISE EXCEPTION 'Entries of % are never changed.', TG_TABLE_NAME USING ERRCODE = 'restrict_violation';
END`)}`,
    `CREATE TRIGGER ${name} BEFORE UPDATE OR DELETE ON ${table.sql} FOR EACH ROW EXECUTE FUNCTION ${routine}()`,
    `CREATE TRIGGER ${quoteName(derivedName(table.name, '_never_emptied'))} BEFORE TRUNCATE ON ${table.sql} FOR EACH STATEMENT EXECUTE FUNCTION ${routine}()`,
  ];
}

const keys = (columns: string[]) => `ARRAY[${columns.map(quoteText).join(', ')}]`;

const cascadingDeletes: Check = {
  id: 'cascading-deletes',
  title: 'Deleting something deletes its evidence',
  why: 'One DELETE of a person or an organization takes along the keys they had and what was recorded about them, and leaves no trace of it.',
  inSchema: true,
  look: (subject) =>
    subject.tables.flatMap((table) => {
      if (table.class !== 'audit' && table.class !== 'keys') return [];
      return table.references
        .filter(({ onDelete }) => onDelete === 'cascade')
        .map((reference) => foundCascade(subject, table, reference));
    }),
};

function foundCascade(subject: Subject, table: Table, reference: Reference): Found {
  const severity: Severity = isTrail(subject, table) ? 'high' : 'medium';
  const origins = originsOf(subject, reference.table);
  const name = quoteName(reference.name);
  const to = `${quoteName(reference.schema)}.${quoteName(reference.table)}`;
  const nullable = table.class === 'audit' && reference.columns.every((column) => !columnNamed(table, column)?.notNull);
  // An entry outlives what it is about; a key must not outlive its owner unnoticed.
  const action = nullable ? 'SET NULL' : 'RESTRICT';
  const definition = `FOREIGN KEY (${listOf(reference.columns)}) REFERENCES ${to} (${listOf(reference.targets)}) ON UPDATE ${reference.onUpdate.toUpperCase()} ON DELETE ${action}`;
  // A partitioned table takes no NOT VALID reference before PostgreSQL 18.
  const later = !table.isPartitioned || subject.version >= 180000;
  return {
    severity,
    place: `${table.name}.${reference.columns.join('+')}`,
    detail: `goes with a row of ${[reference.table, ...origins].join(', or of ')}`,
    apply: 'application-first',
    first: nullable
      ? 'The application must bear with entries whose reference is empty.'
      : `The application must deactivate rather than delete: a row of ${reference.table} that is referred to stays.`,
    steps: [
      [
        `ALTER TABLE ${table.sql} DROP CONSTRAINT ${name}`,
        `ALTER TABLE ${table.sql} ADD CONSTRAINT ${name} ${definition}${later ? ' NOT VALID' : ''}`,
      ],
      ...(later ? [[`ALTER TABLE ${table.sql} VALIDATE CONSTRAINT ${name}`]] : []),
    ],
  };
}

/** Tables from which a DELETE goes on to this one, however far. */
function originsOf(subject: Subject, start: string): string[] {
  const origins = new Set<string>();
  const follow = (name: string) => {
    for (const { onDelete, table } of tableNamed(subject, name)?.references ?? []) {
      if (onDelete !== 'cascade' || table === start || origins.has(table)) continue;
      origins.add(table);
      follow(table);
    }
  };
  follow(start);
  return [...origins];
}

const disabledTriggers: Check = {
  id: 'disabled-trigger',
  title: 'A trigger is switched off',
  why: 'Somebody wrote a trigger to keep a rule or a record, and somebody else switched it off, often for an hour: what it was for is not happening.',
  inSchema: true,
  look: ({ tables }) =>
    tables.flatMap((table) =>
      table.triggers
        .filter(({ isEnabled }) => !isEnabled)
        .map(
          (trigger): Found => ({
            severity: 'medium',
            place: `${table.name}.${trigger.name}`,
            detail: 'DISABLE TRIGGER',
            apply: 'application-first',
            first: 'Find out why it was switched off. What it missed meanwhile it does not make up for.',
            steps: [[`ALTER TABLE ${table.sql} ENABLE TRIGGER ${quoteName(trigger.name)}`]],
          }),
        ),
    ),
};

export const auditChecks = [auditRights, appendOnly, cascadingDeletes, disabledTriggers];
