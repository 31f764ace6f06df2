import { Button } from '@mantine/core';
import { useCallback, useMemo, useState } from 'react';
import type { AuditItem } from '../../../src-main/contract/audit.ts';
import { asLatchkeyError } from '../../calls/cache.ts';
import type { RowRange } from '../../calls/row-range.ts';
import { useCall } from '../../calls/use-call.ts';
import { usePagedList } from '../../calls/use-paged-list.ts';
import type { Route } from '../../navigation/route.ts';
import { amend, go, setFilters } from '../../navigation/use-route.ts';
import { ErrorPanel } from '../../ui/ErrorPanel.tsx';
import { Filter } from '../../ui/Filter.tsx';
import { Screen } from '../../ui/Screen.tsx';
import { SearchField } from '../../ui/SearchField.tsx';
import { DataTable } from '../../ui/table/DataTable.tsx';
import { NoRows } from '../../ui/table/NoRows.tsx';
import { count, counted } from '../../words/quantities.ts';
import { AuditDrawer } from './AuditDrawer.tsx';
import { AuditViews } from './AuditViews.tsx';
import { auditColumns } from './audit-columns.tsx';
import { auditFilter, chipsOf, isId, noFilter } from './audit-filter.ts';
import { Chips } from './Chips.tsx';
import { DayField } from './DayField.tsx';
import classes from './Explorer.module.css';
import { ExportDrawer } from './ExportDrawer.tsx';
import { Facets } from './Facets.tsx';
import { Histogram } from './Histogram.tsx';
import { barsOf } from './histogram.ts';
import { ZoneSwitch } from './ZoneSwitch.tsx';

/** Everything that happened, found by words, by day, and by what it has in common. */
export function ExplorerView({ route }: { route: Route }) {
  const { filters } = route;
  const filter = useMemo(() => auditFilter(filters), [filters]);
  const [inView, setInView] = useState<RowRange>({ first: 0, last: 0 });
  const list = usePagedList('audit.list', filter, inView);
  const actions = useCall('audit.actions', {}).data?.items ?? [];
  const facets = useCall('audit.facets', filter, { keepPrevious: true });
  const named = facets.data?.actors.items.find(({ actor }) => actor === filters.actor)?.name;

  const chips = chipsOf(filters, (id) => (id === filters.actor ? (named ?? undefined) : undefined));

  const search = useCallback((value: string) => setFilters({ search: value }), []);
  const byActor = useCallback((value: string) => setFilters({ actor: value }), []);
  const open = (id: string) => (route.open === null ? go : amend)({ ...route, open: id });
  // Somebody named by their id stands among the filters, by their name.
  const typedActor = filters.actor !== undefined && !isId(filters.actor) ? filters.actor : '';

  return (
    <Screen
      title="Audit"
      count={list.total === undefined ? undefined : countedSoFar(list.total, list.more === true)}
      tools={
        <>
          <AuditViews view="explorer" />
          <SearchField label="Search audit" value={filters.search ?? ''} onChange={search} />
          <SearchField label="Actor" beside value={typedActor} onChange={byActor} />
          <Filter
            label="Action"
            value={filters.action ?? ''}
            all="All actions"
            options={actions.map(({ action, count }) => ({ value: action, label: `${action} (${count})` }))}
            onChange={(action) => setFilters({ action })}
          />
          <ZoneSwitch />
        </>
      }
      action={
        <Button variant="default" onClick={() => open('export')}>
          Export…
        </Button>
      }
      drawer={
        route.open === null ? null : route.open === 'export' ? (
          <ExportDrawer filter={filter} chips={chips} onClose={() => amend({ open: null })} />
        ) : (
          <AuditDrawer key={route.open} id={route.open} onClose={() => amend({ open: null })} />
        )
      }
    >
      <div className={classes.explorer}>
        <Days filters={filters} />
        <Chips chips={chips} />
        {facets.error ? (
          <ErrorPanel error={asLatchkeyError(facets.error)} onRetry={() => void facets.refetch()} />
        ) : null}
        <div className={classes.body}>
          {facets.data ? <Facets facets={facets.data} filters={filters} /> : <div className={classes.waiting} />}
          <div className={classes.list}>
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
              least={758}
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
          </div>
        </div>
      </div>
    </Screen>
  );
}

/** When it happened: of all that matches otherwise, so that the days that were chosen stand among the others. */
function Days({ filters }: { filters: Route['filters'] }) {
  const filter = useMemo(() => auditFilter({ ...filters, from: '', to: '' }), [filters]);
  const facets = useCall('audit.facets', filter, { keepPrevious: true }).data;
  const everyDay = useCall('audit.counts', { by: 'day' }).data?.items;
  const bars = useMemo(() => {
    const first = everyDay?.find(({ day }) => day)?.day;
    if (!facets || first === undefined) return [];
    return barsOf(facets.days.items, { from: first, to: new Date().toISOString().slice(0, 10) });
  }, [facets, everyDay]);
  const newest = facets?.days.whole === false ? facets.newest : null;
  return (
    <section className={classes.days} aria-label="When">
      <Histogram
        bars={bars}
        range={{ ...(filters.from ? { from: filters.from } : {}), ...(filters.to ? { to: filters.to } : {}) }}
        countedSince={newest?.since?.slice(0, 10) ?? null}
        onRange={(range) => setFilters(range ? { ...range } : { from: null, to: null })}
      />
      <div className={classes.fields}>
        <DayField label="From" value={filters.from ?? ''} onChange={(from) => setFilters({ from })} />
        <DayField label="To" value={filters.to ?? ''} onChange={(to) => setFilters({ to })} />
      </div>
      {newest ? (
        <p className={classes.note}>
          More than {count(newest.entries)} entries match: bars count the newest {count(newest.entries)}. Choose days to
          look further back.
        </p>
      ) : null}
    </section>
  );
}

/** `550+ entries` where counting all of them would keep the list waiting. */
function countedSoFar(total: number, more: boolean): string {
  return more ? `${count(total)}+ entries` : counted(total, 'entry', 'entries');
}
