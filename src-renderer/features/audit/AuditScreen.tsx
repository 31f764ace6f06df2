import { ActionIcon } from '@mantine/core';
import { useCallback, useMemo, useState } from 'react';
import type { AuditItem } from '../../../src-main/contract/audit.ts';
import type { RowRange } from '../../calls/row-range.ts';
import { useCall } from '../../calls/use-call.ts';
import { usePagedList } from '../../calls/use-paged-list.ts';
import type { Route } from '../../navigation/route.ts';
import { amend, go, setFilters } from '../../navigation/use-route.ts';
import { Filter } from '../../ui/Filter.tsx';
import { Icon } from '../../ui/icons/Icon.tsx';
import { Screen } from '../../ui/Screen.tsx';
import { SearchField } from '../../ui/SearchField.tsx';
import { DataTable } from '../../ui/table/DataTable.tsx';
import { NoRows } from '../../ui/table/NoRows.tsx';
import { count, counted } from '../../words/quantities.ts';
import classes from './Audit.module.css';
import { AuditDrawer } from './AuditDrawer.tsx';
import { auditColumns } from './audit-columns.tsx';
import { auditFilter } from './audit-filter.ts';
import { DayField } from './DayField.tsx';

const noFilter = { search: null, actor: null, action: null, object: null, from: null, to: null };

export function AuditScreen({ route }: { route: Route }) {
  const { filters } = route;
  const filter = useMemo(() => auditFilter(filters), [filters]);
  const [inView, setInView] = useState<RowRange>({ first: 0, last: 0 });
  const list = usePagedList('audit.list', filter, inView);
  const actions = useCall('audit.actions', {}).data?.items ?? [];

  const search = useCallback((value: string) => setFilters({ search: value }), []);
  const byActor = useCallback((value: string) => setFilters({ actor: value }), []);
  const open = (id: string) => (route.open === null ? go : amend)({ ...route, open: id });

  return (
    <Screen
      title="Audit"
      count={list.total === undefined ? undefined : countedSoFar(list.total, list.more === true)}
      tools={
        <>
          <SearchField label="Search audit" value={filters.search ?? ''} onChange={search} />
          <SearchField label="Actor" beside value={filters.actor ?? ''} onChange={byActor} />
          <Filter
            label="Action"
            value={filters.action ?? ''}
            all="All actions"
            options={actions.map(({ action, count }) => ({ value: action, label: `${action} (${count})` }))}
            onChange={(action) => setFilters({ action })}
          />
          <DayField label="From" value={filters.from ?? ''} onChange={(from) => setFilters({ from })} />
          <DayField label="To" value={filters.to ?? ''} onChange={(to) => setFilters({ to })} />
          {filters.object ? <ObjectChip object={filters.object} /> : null}
        </>
      }
      drawer={
        route.open === null ? null : (
          <AuditDrawer key={route.open} id={route.open} onClose={() => amend({ open: null })} />
        )
      }
    >
      <DataTable<AuditItem>
        label="Audit entries"
        columns={auditColumns}
        list={list}
        idOf={(item) => item.id}
        openId={route.open}
        onOpen={(item) => open(item.id)}
        onWalk={(item) => amend({ open: item.id })}
        onView={setInView}
        listKey={JSON.stringify(filter)}
        least={780}
        empty={
          <NoRows
            icon="audit"
            what="audit entries"
            none="Nothing has been recorded in this organization yet."
            filtered={Object.values(filter).some(Boolean)}
            onClear={() => setFilters(noFilter)}
          />
        }
      />
    </Screen>
  );
}

/** `550+ entries` where counting all of them would keep the list waiting. */
function countedSoFar(total: number, more: boolean): string {
  return more ? `${count(total)}+ entries` : counted(total, 'entry', 'entries');
}

/** The one thing that the list is about, where a link from that thing led here. */
function ObjectChip({ object }: { object: string }) {
  return (
    <span className={classes.chip}>
      <span title={object}>About {object}</span>
      <ActionIcon
        variant="subtle"
        color="gray"
        size="xs"
        aria-label="Show entries about everything"
        onClick={() => setFilters({ object: null })}
      >
        <Icon name="close" size={10} />
      </ActionIcon>
    </span>
  );
}
