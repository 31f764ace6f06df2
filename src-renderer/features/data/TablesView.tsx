import { useCallback, useMemo } from 'react';
import type { TableInfo } from '../../../src-main/contract/data.ts';
import { asLatchkeyError } from '../../calls/cache.ts';
import { useCall } from '../../calls/use-call.ts';
import { wholeList } from '../../calls/whole-list.ts';
import type { Route } from '../../navigation/route.ts';
import { go, setFilters } from '../../navigation/use-route.ts';
import { Screen } from '../../ui/Screen.tsx';
import { SearchField } from '../../ui/SearchField.tsx';
import type { Column } from '../../ui/table/column.ts';
import { DataTable } from '../../ui/table/DataTable.tsx';
import { NoRows } from '../../ui/table/NoRows.tsx';
import { count, counted } from '../../words/quantities.ts';
import { CheckButton } from './CheckButton.tsx';
import classes from './Data.module.css';

const columns: Column<TableInfo>[] = [
  {
    id: 'name',
    title: 'Table',
    track: 'minmax(180px, 1fr)',
    cell: (table) => <span className={classes.name}>{table.name}</span>,
  },
  { id: 'rows', title: 'Rows', track: '110px', align: 'end', cell: (table) => count(table.rows) },
  {
    id: 'columns',
    title: 'Columns',
    track: 'minmax(200px, 3fr)',
    cell: (table) => <span className={classes.soft}>{table.columns.map((column) => column.name).join(', ')}</span>,
  },
];

export function TablesView({ route }: { route: Route }) {
  const answer = useCall('data.tables', {});
  const words = route.filters.search ?? '';
  const items = useMemo(
    () => answer.data?.items.filter((table) => table.name.includes(words.toLowerCase())),
    [answer.data, words],
  );
  const list = wholeList(items, answer.error ? asLatchkeyError(answer.error) : null, () => void answer.refetch());
  const search = useCallback((value: string) => setFilters({ search: value }), []);
  return (
    <Screen
      title="Data"
      count={items === undefined ? undefined : counted(items.length, 'table')}
      tools={<SearchField label="Search tables" value={words} onChange={search} />}
      action={<CheckButton />}
    >
      <DataTable<TableInfo>
        label="Tables"
        columns={columns}
        list={list}
        idOf={(table) => table.name}
        onOpen={(table) => go({ place: 'data', open: table.name, filters: {} })}
        onView={everythingIsHere}
        listKey={words}
        least={560}
        empty={
          <NoRows
            icon="data"
            what="tables"
            none="Nothing is mirrored on this device."
            filtered={words !== ''}
            onClear={() => setFilters({ search: null })}
          />
        }
      />
    </Screen>
  );
}

function everythingIsHere(): void {
  // The list came in one piece, so nothing has to be asked for as it scrolls.
}
