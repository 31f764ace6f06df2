import { z } from 'zod';
import { LatchkeyError } from '../../contract/errors.ts';
import { knownSystem } from './index.ts';
import { jsonProblem } from './json-syntax.ts';
import { listed, placeOf } from './places.ts';
import type { SystemMapping } from './system.ts';

const name = z.string().min(1).max(63);
const optional = name.nullable();
const names = z.array(name);
const word = z.union([z.string(), z.boolean()]);
const words = z.array(word);
const capability = z.enum(['admin', 'operator', 'auditor']);

const tenancy = z.discriminatedUnion('class', [
  z.strictObject({ class: z.literal('database') }),
  z.strictObject({ class: z.literal('root') }),
  z.strictObject({ class: z.literal('organization'), column: name }),
  z.strictObject({ class: z.literal('path'), column: name, parent: name, parentKey: name }),
  z.strictObject({ class: z.literal('shared') }),
]);

const rights = z.strictObject({ insert: names.min(1).optional(), update: names.min(1).optional() });

const table = z.strictObject({
  tenancy,
  sidecar: z
    .strictObject({ columns: z.record(name, z.string().min(1)), key: names.min(1), comment: z.string() })
    .optional(),
  secret: names.optional(),
  writeOnly: names.optional(),
  insertDefaults: z.record(name, z.string()).optional(),
  rights: z.partialRecord(capability, rights).optional(),
  readers: z.array(capability).min(1).optional(),
  window: z.strictObject({ column: name, days: z.int().min(1).max(36_500) }).optional(),
  groups: z.array(names.min(2)).optional(),
  restrictive: z.record(name, z.array(z.string())).optional(),
  earliest: names.optional(),
  indexes: z.array(names.min(1)).optional(),
  search: z.strictObject({ words: names, whole: names, newest: name }).optional(),
});

const role = z.strictObject({
  values: names.min(1),
  initial: name,
  administrators: names,
  held: z.union([
    z.strictObject({ column: name }),
    z.strictObject({
      table: name,
      person: name,
      role: name,
      roles: z.strictObject({ table: name, id: name, name }),
      id: optional,
      givenBy: optional,
    }),
  ]),
});

const people = z.strictObject({
  table: name,
  id: name,
  email: name,
  name: names.max(2),
  role: role.nullable(),
  status: z
    .strictObject({
      column: name,
      words: z.strictObject({ invited: words, active: words.min(1), suspended: words, deactivated: words }),
    })
    .nullable(),
  deletedAt: optional,
  lastSeenAt: optional,
  organization: optional,
  createdAt: optional,
  updatedAt: optional,
  derived: z
    .record(
      name,
      z.discriminatedUnion('from', [
        z.strictObject({ from: z.literal('login') }),
        z.strictObject({ from: z.literal('constant'), value: z.union([z.string(), z.number(), z.boolean()]) }),
      ]),
    )
    .optional(),
  notCreated: z.string().min(1).optional(),
  erased: z.array(name).optional(),
  notErased: z.string().min(1).optional(),
});

const keys = z.strictObject({
  table: name,
  id: name,
  organization: optional,
  owner: optional,
  label: name,
  scopes: optional,
  hash: optional,
  prefix: optional,
  last4: optional,
  status: z.strictObject({
    column: name,
    words: z.strictObject({
      active: words.min(1),
      retiring: words,
      suspended: words,
      compromised: words,
      revoked: words,
      expired: words,
    }),
  }),
  expiresAt: optional,
  revokedAt: optional,
  lastUsedAt: optional,
  createdAt: optional,
  rotatedFrom: optional,
  beside: z
    .strictObject({ table: name, key: name, expiresAt: optional, endedAt: optional, rotatedFrom: optional })
    .optional(),
  certificate: z.strictObject({ type: name, fingerprint: name, publicKey: name }).nullable(),
  carriedOver: names,
  secretPrefix: z.string().regex(/^[a-z0-9]{1,8}_$/, 'up to eight small letters or digits and an underscore'),
});

const sessions = z.strictObject({
  table: name,
  id: name,
  person: name,
  address: optional,
  agent: optional,
  createdAt: optional,
  expiresAt: name,
});

const activity = z.strictObject({
  table: name,
  id: name,
  at: name,
  actor: name,
  organization: optional,
  action: name,
  data: name,
  subject: z.strictObject({ type: name, id: name }).nullable(),
  before: optional,
});

/** A mapping as a file of the user's own has it. */
export const mappingFile = z.strictObject({
  $schema: z.string().optional(),
  name: z.string().regex(/^[a-z][a-z0-9-]{0,62}$/, 'small letters, digits and hyphens'),
  title: z.string().min(1).max(200),
  schema: name,
  organization: z.strictObject({ table: name, id: name, name }).nullable(),
  tables: z.record(name, table),
  hostDelay: z
    .strictObject({
      seconds: z.int().min(1).max(2_592_000).nullable(),
      why: z.string().min(1).max(200),
    })
    .optional(),
  people,
  keys: keys.nullable(),
  sessions: sessions.nullable(),
  activity: activity.nullable(),
});

/** JSON Schema (draft 2020-12) of a mapping file, for editors. */
export function mappingFileSchema(): Record<string, unknown> {
  return { ...z.toJSONSchema(mappingFile), title: 'A mapping of a database for Latchkey' };
}

/** @throws LatchkeyError `invalid-input`, naming every place in the file that is wrong */
export function readMapping(text: string): SystemMapping {
  // Editors of some systems begin a file with a mark of its encoding.
  const json = text.replace(/^\uFEFF/, '');
  const syntax = jsonProblem(json);
  if (syntax) throw invalid([`line ${syntax.line}, column ${syntax.column}: ${syntax.what}`]);
  const parsed: unknown = JSON.parse(json);
  const result = mappingFile.safeParse(parsed);
  if (!result.success) throw invalid(result.error.issues.flatMap((issue) => problemsOf(parsed, issue)));
  const { $schema: _, ...mapping } = result.data;
  if (knownSystem(mapping.name))
    throw invalid([
      `name: ${mapping.name} is the name of a system that Latchkey knows, whose devices go by Latchkey’s own mapping: choose another`,
    ]);
  return mapping as SystemMapping;
}

/** What is wrong about a value, each with its place. Of a value that may be one thing or another, what it lacks of the one it is nearest to. */
function problemsOf(parsed: unknown, issue: z.core.$ZodIssue): string[] {
  const place = placeOf(issue.path);
  switch (issue.code) {
    case 'unrecognized_keys':
      return issue.keys.map((key) => `${placeOf([...issue.path, key])}: there is no such property`);
    case 'invalid_union': {
      const [nearest] = issue.errors.toSorted((a, b) => a.length - b.length);
      if (!nearest || nearest.length === 0) return [`${place}: ${described(parsed, issue)}`];
      return nearest.flatMap((inner) => problemsOf(parsed, { ...inner, path: [...issue.path, ...inner.path] }));
    }
    default:
      return [`${place}: ${described(parsed, issue)}`];
  }
}

function described(parsed: unknown, { path, message }: z.core.$ZodIssue): string {
  const value = path.reduce<unknown>(
    (at, part) => (typeof at === 'object' && at !== null ? (at as Record<PropertyKey, unknown>)[part] : undefined),
    parsed,
  );
  return value === undefined ? 'is missing' : message.replace(/^Invalid input: /, '');
}

function invalid(problems: string[]): LatchkeyError {
  return new LatchkeyError(
    'invalid-input',
    `This is not a mapping that Latchkey can read: ${listed(problems)}. Nothing was changed.`,
    { field: 'mapping', details: { problems } },
  );
}
