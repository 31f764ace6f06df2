import { canHoldSecret, type Form, type Forms, formsOf, hiddenFrom } from './sample.ts';
import type { Column, Subject, Table } from './subject.ts';
import { isPasswordName, type SecretForm, secretFormOf } from './vocabulary.ts';

/** A column whose name promises a secret, and how many of the values that were looked at keep the promise. */
export interface SecretColumn {
  table: Table;
  column: Column;
  /** As its name says. */
  form: SecretForm;
  isPassword: boolean;
  /** Why its values could not be looked at. */
  hidden: string | null;
  looked: number;
  /** Anybody who reads them can use them. */
  plain: number;
  /** Of a hash that is guessed or forged too easily. */
  weak: number;
  /** A digest, or a random secret of the same length: nobody can tell. */
  unclear: number;
  /** Whether a check or a trigger of the host's decides what may stand there. */
  isGuarded: boolean;
}

const known = new WeakMap<Subject, Promise<SecretColumn[]>>();

/** Every column of the schema that may hold secrets, its values judged once. */
export function secretColumns(subject: Subject): Promise<SecretColumn[]> {
  const columns = known.get(subject) ?? findSecretColumns(subject);
  known.set(subject, columns);
  return columns;
}

async function findSecretColumns(subject: Subject): Promise<SecretColumn[]> {
  const found: SecretColumn[] = [];
  for (const table of subject.tables) {
    const columns = table.columns.filter((column) => canHoldSecret(column) && formIn(subject, table, column) !== null);
    if (columns.length === 0) continue;
    const readable: Column[] = [];
    const hidden = new Map<string, string>();
    for (const column of columns) {
      const why = await hiddenFrom(subject, table, [column.name]);
      if (why === null) readable.push(column);
      else hidden.set(column.name, why);
    }
    const forms = readable.length > 0 ? await formsOf(subject, table, readable) : new Map<string, Forms>();
    for (const column of columns)
      found.push(judged(subject, table, column, forms.get(column.name) ?? {}, hidden.get(column.name) ?? null));
  }
  return found;
}

function formIn({ system }: Subject, table: Table, column: Column): SecretForm | null {
  const isSecret =
    system !== null &&
    Object.hasOwn(system.tables, table.name) &&
    system.tables[table.name]?.secret?.includes(column.name) === true;
  return secretFormOf(column.name, table.class === 'keys', isSecret);
}

/** Per form of a column the forms of values that are in the clear. What a hash or a ciphertext looks like is for its maker to say. */
const plainForms: Record<SecretForm, Form[]> = {
  clear: ['readable', 'short', 'opaque', 'token', 'private-key', 'short-digest'],
  hashed: ['readable', 'short', 'token', 'private-key'],
  sealed: ['readable', 'short', 'token', 'private-key'],
};

function judged(subject: Subject, table: Table, column: Column, forms: Forms, hidden: string | null): SecretColumn {
  const form = formIn(subject, table, column)!;
  const isPassword = isPasswordName(column.name) && table.class === 'people';
  const count = (...wanted: Form[]) => wanted.reduce((sum, one) => sum + (forms[one] ?? 0), 0);
  const fast: Form[] = [
    'weak-hash',
    'digest',
    ...(form === 'hashed' ? (['bare-digest', 'short-digest'] as const) : []),
  ];
  const mentions = (text: string) => new RegExp(`\\b${column.name.replace(/\W/g, '\\$&')}\\b`).test(text);
  return {
    table,
    column,
    form,
    isPassword,
    hidden,
    looked: Object.values(forms).reduce((sum, n) => sum + n, 0) - count('blank'),
    plain: count(...plainForms[form]),
    weak: isPassword ? count(...fast) : count('weak-hash', ...(form === 'hashed' ? (['short-digest'] as const) : [])),
    unclear: form === 'clear' ? count('bare-digest') : 0,
    isGuarded:
      table.constraints.some(
        ({ kind, columns, definition }) => kind === 'check' && columns.includes(column.name) && mentions(definition),
      ) || table.triggers.some(({ isBefore, isEnabled, source }) => isBefore && isEnabled && mentions(source)),
  };
}
