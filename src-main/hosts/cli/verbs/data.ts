import { callVerb } from '../device.ts';
import { table, totals } from '../print.ts';
import { pageFlags } from './receipt.ts';

export const dataVerbs = [
  callVerb({
    name: 'data tables',
    summary: 'The mirrored tables, with how many rows each has',
    call: 'data.tables',
    print({ items }, terminal) {
      terminal.out(
        table(
          ['TABLE', 'ROWS', 'COLUMNS'],
          items.map((item) => [item.name, item.rows, item.columns.length]),
        ),
      );
    },
  }),
  callVerb({
    name: 'data list',
    summary: 'Rows of one mirrored table',
    call: 'data.list',
    positionals: [{ name: 'TABLE', field: 'table', text: 'one of `latchkey data tables`' }],
    flags: [{ name: 'search', kind: 'text', placeholder: 'TEXT', text: 'anywhere in a row' }, ...pageFlags],
    print({ items, total, columns }, terminal) {
      terminal.out(
        table(
          columns,
          items.map((item) => columns.map((column) => item[column])),
        ),
      );
      terminal.say(totals(items.length, total));
    },
  }),
  callVerb({
    name: 'mirror check',
    summary: 'Compare every mirrored row with central',
    description: 'With --repair a table that differs is replaced by what central has, and the log says so.',
    call: 'mirror.check',
    flags: [{ name: 'repair', kind: 'yes', text: 'put right what differs' }],
    attention: ({ tables }) => tables.some((found) => !found.equal && !found.repaired),
    print({ equal, tables }, terminal, { repair }) {
      const rows = tables.map((found) => [
        found.table,
        found.rowsHere,
        found.rowsCentral,
        found.equal ? 'equal' : found.differences.map(({ kind, key }) => `${kind} ${key}`).join(', ') || 'different',
      ]);
      terminal.out(table(['TABLE', 'HERE', 'CENTRAL', 'VERDICT'], rows));
      terminal.out(
        equal
          ? 'The mirror equals central.'
          : repair === true
            ? 'The mirror differed from central, and was repaired.'
            : 'The mirror differs from central. `latchkey mirror check --repair` puts it right.',
      );
    },
  }),
];
