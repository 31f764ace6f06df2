import { useMemo, useState } from 'react';
import type { OutboxItem } from '../../../src-main/contract/outbox.ts';
import { commandState } from '../../../src-main/contract/values.ts';
import type { RowRange } from '../../calls/row-range.ts';
import { type FilterOf, usePagedList } from '../../calls/use-paged-list.ts';
import type { Route } from '../../navigation/route.ts';
import { amend, go, setFilters } from '../../navigation/use-route.ts';
import { Filter } from '../../ui/Filter.tsx';
import { Screen } from '../../ui/Screen.tsx';
import { DataTable } from '../../ui/table/DataTable.tsx';
import { NoRows } from '../../ui/table/NoRows.tsx';
import { counted } from '../../words/quantities.ts';
import { commandStateWords } from '../../words/states.ts';
import { CommandDrawer } from './CommandDrawer.tsx';
import { outboxColumns } from './outbox-columns.tsx';
import { ViewSwitch } from './ViewSwitch.tsx';

const stateOptions = Object.entries(commandStateWords).map(([value, { label }]) => ({ value, label }));

export function CommandsView({ route }: { route: Route }) {
  const { filters } = route;
  const filter = useMemo((): FilterOf<'outbox.list'> => {
    const state = commandState.safeParse(filters.state);
    return { state: state.success ? state.data : undefined };
  }, [filters]);
  const [inView, setInView] = useState<RowRange>({ first: 0, last: 0 });
  const list = usePagedList('outbox.list', filter, inView);
  const open = (id: string) => (route.open === null ? go : amend)({ ...route, open: id });

  return (
    <Screen
      title="Outbox"
      count={list.total === undefined ? undefined : counted(list.total, 'command')}
      tools={
        <>
          <ViewSwitch view="commands" />
          <Filter
            label="State"
            value={filter.state ?? ''}
            all="All states"
            options={stateOptions}
            onChange={(state) => setFilters({ state })}
          />
        </>
      }
      drawer={
        route.open === null ? null : (
          <CommandDrawer key={route.open} command={route.open} onClose={() => amend({ open: null })} />
        )
      }
    >
      <DataTable<OutboxItem>
        label="Commands"
        columns={outboxColumns}
        list={list}
        idOf={(item) => item.command}
        openId={route.open}
        onOpen={(item) => open(item.command)}
        onWalk={(item) => amend({ open: item.command })}
        onView={setInView}
        listKey={JSON.stringify(filter)}
        least={740}
        empty={
          <NoRows
            icon="outbox"
            what="commands"
            none="What you change appears here, from the moment you make it until it is in force at central."
            filtered={filter.state !== undefined}
            onClear={() => setFilters({ state: null })}
          />
        }
      />
    </Screen>
  );
}
