import { describe, expect, test } from 'vitest';
import { LatchkeyError } from '../../src-main/contract/errors.ts';
import { readMapping } from '../../src-main/core/systems/mapping-file.ts';

const good = {
  name: 'shop',
  title: 'Shop',
  schema: 'shop',
  organization: null,
  tables: { people: { tenancy: { class: 'database' } } },
  people: {
    table: 'people',
    id: 'id',
    email: 'email',
    name: [],
    role: null,
    status: null,
    deletedAt: null,
    lastSeenAt: null,
    organization: null,
    createdAt: null,
    updatedAt: null,
  },
  keys: null,
  sessions: null,
  activity: null,
};

function problems(text: string): string[] {
  try {
    readMapping(text);
  } catch (error) {
    expect(error).toBeInstanceOf(LatchkeyError);
    const { code, message, field, details } = error as LatchkeyError;
    expect({ code, field }).toEqual({ code: 'invalid-input', field: 'mapping' });
    expect(message).toMatch(/^This is not a mapping that Latchkey can read: .*Nothing was changed\.$/s);
    return (details as { problems: string[] }).problems;
  }
  return [];
}

// biome-ignore lint/suspicious/noExplicitAny: a file may hold anything anywhere.
const changed = (change: (mapping: any) => void) => {
  const mapping = structuredClone(good);
  change(mapping);
  return problems(JSON.stringify(mapping));
};

describe('a mapping file', () => {
  test('is read as it is, with a mark of its encoding and the name of its schema before it', () => {
    expect(readMapping(`\uFEFF${JSON.stringify({ $schema: 'mapping.schema.json', ...good })}`)).toEqual(good);
  });

  const text = JSON.stringify(good, null, 2);
  test.each([
    ['an empty file', '', 'line 1, column 1: expected a value, and the file ends'],
    ['no JSON', 'name: shop', 'line 1, column 1: expected a value, and there is “n”'],
    [
      'a comma too many',
      text.replace('"schema": "shop"', '"schema": "shop",'),
      'line 4, column 20: expected a name in double quotes, and there is “,”',
    ],
    [
      'a comma too few',
      text.replace('"title": "Shop",', '"title": "Shop"'),
      'line 4, column 3: expected “,” or “}”, and there is “"”',
    ],
    [
      'a comment',
      text.replace('"schema"', '// where\n  "schema"'),
      'line 4, column 3: expected a name in double quotes, and there is “/”',
    ],
    ['a name without quotes', text.replace('"keys"', 'keys'), 'expected a name in double quotes, and there is “k”'],
    ['a word that is none', text.replace('"keys": null', '"keys": none'), 'expected a value, and there is “n”'],
    [
      'a text that does not end',
      text.replace('"Shop"', '"Shop'),
      'line 3, column 12: expected a value, and there is “"”',
    ],
    ['half of it', text.slice(0, 40), 'line 4, column 2: expected a name in double quotes, and the file ends'],
    ['something after it', `${text}\n{}`, 'expected the end of the file, and there is “{”'],
    ['a list that is closed as an object', '{"a": [1, 2}}', 'line 1, column 12: expected “,” or “]”, and there is “}”'],
    [
      'a table that is there twice',
      text.replace(
        '"people": {\n      "tenancy"',
        '"people": {"tenancy": {"class": "shared"}},\n    "p\\u0065ople": {\n      "tenancy"',
      ),
      '"p\\u0065ople" is there twice',
    ],
  ])('%s is told by line and column', (_what, broken, words) => {
    expect(broken).not.toBe(text);
    const found = problems(broken);
    expect(found).toHaveLength(1);
    expect(found[0]).toMatch(/^line \d+, column \d+: /);
    expect(found[0]).toContain(words);
  });

  test('what is missing, unknown or of another type is told by its place, all of it at once', () => {
    expect(
      changed((mapping) => {
        delete mapping.title;
        mapping.colour = 'red';
        mapping.organization = { table: 'shops', id: 'id' };
        mapping.tables['order lines'] = { tenancy: { class: 'path', column: 'order' }, secret: 'card' };
        mapping.tables.people.rights = { admin: { update: ['email', 7] }, owner: {} };
        mapping.tables.people.window = { column: 'at', days: 0 };
      }),
    ).toEqual([
      'title: is missing',
      'organization.name: is missing',
      'tables.people.rights.admin.update[1]: expected string, received number',
      'tables.people.rights.owner: there is no such property',
      'tables.people.window.days: Too small: expected number to be >=1',
      'tables["order lines"].tenancy.parent: is missing',
      'tables["order lines"].tenancy.parentKey: is missing',
      'tables["order lines"].secret: expected array, received string',
      'colour: there is no such property',
    ]);
  });

  test('of a value that may be one thing or another, what it lacks of the nearest', () => {
    const role = { values: ['a'], initial: 'a', administrators: [] };
    expect(changed((mapping) => (mapping.people.role = { ...role, held: { columm: 'role' } }))).toEqual([
      'people.role.held.column: is missing',
      'people.role.held.columm: there is no such property',
    ]);
    expect(changed((mapping) => (mapping.tables.people.tenancy = { class: 'own' }))).toEqual([
      expect.stringMatching(/^tables\.people\.tenancy\.class: .*'root'|^tables\.people\.tenancy\.class: /),
    ]);
    expect(
      changed(
        (mapping) =>
          (mapping.people.status = {
            column: 's',
            words: { invited: [], active: [1], suspended: [], deactivated: [] },
          }),
      ),
    ).toEqual([expect.stringMatching(/^people\.status\.words\.active\[0\]: expected string, received number/)]);
  });

  test('the name of a system that Latchkey knows is taken', () => {
    expect(changed((mapping) => (mapping.name = 'sky-genesis'))).toEqual([
      expect.stringMatching(/^name: sky-genesis is the name of a system that Latchkey knows/),
    ]);
  });

  test('a table by the name of what every object has is a table', () => {
    for (const name of ['constructor', 'toString']) {
      const read = readMapping(
        JSON.stringify(good).replace('"tables":{', `"tables":{"${name}":{"tenancy":{"class":"database"}},`),
      );
      expect(Object.keys(read.tables)).toEqual([name, 'people']);
    }
    expect(problems('{"tables": {"__proto__": {}}}')).toEqual(['line 1, column 13: nothing can be called "__proto__"']);
  });

  test('of very many problems the first ones are named, and how many more there are', () => {
    const found = changed((mapping) => {
      for (let n = 0; n < 500; n++) mapping.tables[`t${n}`] = {};
    });
    expect(found).toHaveLength(500);
    expect(() => readMapping('{}')).toThrow(/name: is missing; title: is missing/);
  });
});
