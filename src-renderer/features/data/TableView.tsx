import { useCallback, useMemo, useState } from 'react';
import type { RowRange } from '../../calls/row-range.ts';
import { useCall } from '../../calls/use-call.ts';
import { type FilterOf, usePagedList } from '../../calls/use-paged-list.ts';
import { href, type Route } from '../../navigation/route.ts';
import { setFilters } from '../../navigation/use-route.ts';
import { Drawer } from '../../ui/Drawer.tsx';
import { Screen } from '../../ui/Screen.tsx';
import { SearchField } from '../../ui/SearchField.tsx';
import type { Column } from '../../ui/table/column.ts';
import { DataTable } from '../../ui/table/DataTable.tsx';
import { NoRows } from '../../ui/table/NoRows.tsx';
import { counted } from '../../words/quantities.ts';
import { Cell } from './Cell.tsx';
import classes from './Data.module.css';
import { RowFacts } from './RowFacts.tsx';

type Row = Record<string, unknown>;

/** Least width of a column in pixels. */
const columnWidth = 150;

export function TableView({ table, route }: { table: string; route: Route }) {
  const words = route.filters.search;
  const filter = useMemo((): FilterOf<'data.list'> => ({ table, search: words }), [table, words]);
  const [inView, setInView] = useState<RowRange>({ first: 0, last: 0 });
  const list = usePagedList('data.list', filter, inView);
  const info = useCall('data.tables', {}).data?.items.find((candidate) => candidate.name === table);
  const [open, setOpen] = useState<Row | null>(null);

  const names = info?.columns.map((column) => column.name) ?? Object.keys(list.rowAt(0) ?? {});
  const nameList = names.join(' ');
  const columns = useMemo(() => nameList.split(' ').filter(Boolean).map(toColumn), [nameList]);
  const keyColumns = info?.columns.filter((column) => column.key).map((column) => column.name) ?? [];
  const idOf = (row: Row) => JSON.stringify((keyColumns.length > 0 ? keyColumns : names).map((name) => row[name]));
  const search = useCallback((value: string) => setFilters({ search: value }), []);

  return (
    <Screen
      title={table}
      count={list.total === undefined ? undefined : counted(list.total, 'row')}
      tools={
        <>
          <SearchField label={`Search ${table}`} value={words ?? ''} onChange={search} />
          <a href={href('data')}>All tables</a>
        </>
      }
      drawer={
        open ? (
          <Drawer
            title={table}
            subtitle={<code>{keyColumns.map((name) => String(open[name])).join(', ')}</code>}
            onClose={() => setOpen(null)}
          >
            <RowFacts row={open} names={names} />
          </Drawer>
        ) : null
      }
    >
      <DataTable<Row>
        label={`Rows of ${table}`}
        columns={columns}
        list={list}
        idOf={idOf}
        openId={open ? idOf(open) : null}
        onOpen={setOpen}
        onWalk={setOpen}
        onView={setInView}
        listKey={words ?? ''}
        least={columnWidth * Math.max(1, names.length) + 16}
        empty={
          <NoRows
            icon="data"
            what="rows"
            none="This table is empty."
            filtered={Boolean(words)}
            onClear={() => setFilters({ search: null })}
          />
        }
      />
    </Screen>
  );
}

function toColumn(name: string): Column<Row> {
  return {
    id: name,
    title: name,
    track: `minmax(${columnWidth - 16}px, 1fr)`,
    cell: (row) => (
      <span className={classes.cell}>
        <Cell value={row[name]} />
      </span>
    ),
  };
}
