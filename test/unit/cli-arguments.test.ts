import { describe, expect, test } from 'vitest';
import { parseArguments } from '../../src-main/hosts/cli/arguments.ts';
import { UsageError, type Values } from '../../src-main/hosts/cli/verb.ts';
import { verbs } from '../../src-main/hosts/cli/verbs.ts';

function parse(line: string): Values {
  const words = line.match(/'[^']*'|\S+/g)!.map((word) => word.replaceAll("'", ''));
  const verb = verbs.find(({ name }) => line === name || line.startsWith(`${name} `))!;
  return parseArguments(verb, words.slice(verb.name.split(' ').length));
}

describe('what is typed becomes the input of a call', () => {
  test.each<[string, Values]>([
    ['people list', {}],
    [
      'people list --search zoë --state active --limit 5 --descending',
      { search: 'zoë', state: 'active', limit: 5, descending: true },
    ],
    ["people create a@b.example --name 'Zoë L' --role user", { email: 'a@b.example', name: 'Zoë L', role: 'user' }],
    ["people edit a@b.example --name 'Zoë Lind'", { person: 'a@b.example', name: 'Zoë Lind' }],
    ['people set-role a@b.example admin', { person: 'a@b.example', role: 'admin' }],
    ["people deactivate a@b.example --reason 'left us'", { person: 'a@b.example', reason: 'left us' }],
    [
      'keys issue ci --scope read --scope write --expires-in-days 30',
      { label: 'ci', scopes: ['read', 'write'], expiresInDays: 30 },
    ],
    ['keys issue ci --expires-in-days never', { label: 'ci', expiresInDays: null }],
    ['keys rotate ci', { key: 'ci' }],
    ['keys rotate ci --overlap 7d', { key: 'ci', overlapSeconds: 604_800 }],
    ['keys rotate ci --overlap 24h', { key: 'ci', overlapSeconds: 86_400 }],
    ['keys rotate ci --overlap none', { key: 'ci', overlapSeconds: 0 }],
    ['keys rotate ci --overlap 90', { key: 'ci', overlapSeconds: 90 }],
    ['keys revoke ci --reason leaked --compromised', { key: 'ci', reason: 'leaked', compromised: true }],
    ['keys list --expires-within-days 30', { expiresWithinDays: 30 }],
    [
      'conflicts resolve c-1 --take mine --columns name=theirs',
      { conflict: 'c-1', take: 'mine', columns: { name: 'theirs' } },
    ],
    [
      'audit list --from 2026-01-01 --action key.rotate --offset 10',
      { from: '2026-01-01', action: 'key.rotate', offset: 10 },
    ],
    ['data list users --json', { table: 'users', json: true }],
    ['mirror join --enrollment f.json --data d', { enrollment: 'f.json', data: 'd' }],
    ['central migrate up --to 3 --dry-run', { to: 3, dryRun: true }],
    ['sync --watch', { watch: true }],
  ])('%s', (line, values) => {
    expect(parse(line)).toEqual(values);
  });
});

describe('wrong usage says what is wrong and where', () => {
  test.each<[string, string, string | undefined]>([
    ['people show', 'PERSON is missing', 'person'],
    ['people show a b', '“b” is one argument too many', undefined],
    ['people deactivate a@b.example', '--reason is missing', 'reason'],
    ['people create a@b.example --name x', '--role is missing', 'role'],
    ['people list --state gone', '--state is one of invited, active', 'state'],
    ['people list --limit many', '--limit must be a whole number from 1 to 1000; not “many”.', 'limit'],
    ['people list --limit 0', '--limit must be a whole number from 1 to 1000; not “0”.', 'limit'],
    ['people list --limit 1001', '--limit must be a whole number from 1 to 1000; not “1001”.', 'limit'],
    ['people list --limit -1', '--limit must be a whole number from 1 to 1000; not “-1”.', 'limit'],
    ['people list --offset -1', '--offset must be a whole number from 0 to 100000000; not “-1”.', 'offset'],
    ['people list --offset=-1', '--offset must be a whole number from 0 to 100000000; not “-1”.', 'offset'],
    ['people list --offset --limit 5', '--offset', undefined],
    ['central migrate up --to 1.5', '--to must be a whole number, 0 or more; not “1.5”.', 'to'],
    ['people list --nothing', '--nothing', undefined],
    ['people list --search', '--search', undefined],
    ['keys rotate ci --overlap soon', '--overlap takes none, 1h', 'overlapSeconds'],
    ['keys issue ci --expires-in-days later', '--expires-in-days takes', 'expiresInDays'],
    ['conflicts resolve c-1 --take both', '--take is one of mine, theirs', 'take'],
    ['conflicts resolve c-1 --take mine --columns name', '--columns takes', 'columns'],
    ['central enroll --organization o', '--operator is missing', 'operator'],
  ])('%s', (line, words, field) => {
    const error = (() => {
      try {
        return parse(line);
      } catch (thrown) {
        return thrown;
      }
    })();
    expect(error).toBeInstanceOf(UsageError);
    expect(error).toMatchObject({ message: expect.stringContaining(words), field });
  });
});
