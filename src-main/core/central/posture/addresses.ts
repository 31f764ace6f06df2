import { quoteName } from '../../quoting.ts';
import { derivedName } from '../derived-name.ts';
import type { Check, Found } from './finding.ts';
import { type Index, isTextual, type Subject, type Table } from './subject.ts';
import { isEmail } from './vocabulary.ts';

interface Address {
  table: Table;
  column: string;
  /** Unique indexes that it is part of. */
  unique: Index[];
}

/** The e-mail addresses by which people are known. */
function addressesOf({ tables }: Subject): Address[] {
  return tables.flatMap((table) =>
    table.class !== 'people'
      ? []
      : table.columns
          .filter((column) => isEmail(column.name) && isTextual(column))
          .map(({ name }) => ({
            table,
            column: name,
            unique: table.indexes.filter(
              ({ isUnique, isValid, columns, definition }) =>
                isUnique &&
                isValid &&
                (columns.includes(name) || new RegExp(`\\((\\()?"?${name}"?\\)`).test(definition)),
            ),
          })),
  );
}

function uniqueIndex(table: Table, column: string, beside: string[], predicate: string | null): string {
  const name = quoteName(derivedName(`${table.name}_${column}`, '_unique'));
  const columns = [...beside.map(quoteName), `lower(${quoteName(column)})`].join(', ');
  return `CREATE UNIQUE INDEX CONCURRENTLY ${name} ON ${table.sql} (${columns})${predicate === null ? '' : ` WHERE ${predicate}`}`;
}

const merge = (table: Table, column: string) =>
  `Accounts that share an address must be merged: SELECT lower(${quoteName(column)}) FROM ${table.sql} GROUP BY 1 HAVING count(*) > 1. The application must look people up by lower(${column}).`;

const emailNotUnique: Check = {
  id: 'email-not-unique',
  title: 'Two accounts can have one e-mail address',
  why: 'A password reset or an invitation goes to one of them, and nobody knows which; whoever registers an address twice may get the other account’s mail.',
  inSchema: true,
  look: (subject) =>
    addressesOf(subject)
      .filter(({ unique }) => unique.length === 0)
      .map(({ table, column }): Found => {
        const of = subject.tenancy.get(table.name);
        const beside = of?.class === 'organization' ? [of.column] : [];
        return {
          severity: 'medium',
          place: `${table.name}.${column}`,
          detail: beside.length > 0 ? 'not unique, nor so within an organization' : 'not unique',
          apply: 'application-first',
          first: merge(table, column),
          steps: [[uniqueIndex(table, column, beside, null)]],
        };
      }),
};

const emailCase: Check = {
  id: 'email-case',
  title: 'Two accounts can differ in the case of one e-mail address',
  why: 'Mail to Ada@example.org and ada@example.org reaches one person: whoever registers the other spelling has an account that looks like theirs.',
  inSchema: true,
  look: (subject) =>
    addressesOf(subject).flatMap(({ table, column, unique }): Found[] => {
      const [first] = unique;
      const isLower = table.constraints.some(
        ({ kind, columns, definition }) => kind === 'check' && columns.includes(column) && /\blower\(/.test(definition),
      );
      if (!first || isLower || unique.some(({ ignoresCase }) => ignoresCase)) return [];
      const beside = first.columns.filter((name): name is string => name !== null && name !== column);
      return [
        {
          severity: 'medium',
          place: `${table.name}.${column}`,
          detail: `${first.name} tells upper from lower case`,
          apply: 'application-first',
          first: merge(table, column),
          steps: [[uniqueIndex(table, column, beside, first.predicate)]],
        },
      ];
    }),
};

export const addressChecks = [emailNotUnique, emailCase];
