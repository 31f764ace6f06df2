import { Button } from '@mantine/core';
import { useCallback, useMemo, useState } from 'react';
import type { IssuedKey, Key } from '../../../src-main/contract/keys.ts';
import type { RowRange } from '../../calls/row-range.ts';
import { useLacks, useMayWrite } from '../../calls/use-device.ts';
import { usePagedList } from '../../calls/use-paged-list.ts';
import type { Route } from '../../navigation/route.ts';
import { amend, go, setFilters } from '../../navigation/use-route.ts';
import { Filter } from '../../ui/Filter.tsx';
import { Icon } from '../../ui/icons/Icon.tsx';
import { Screen } from '../../ui/Screen.tsx';
import { SearchField } from '../../ui/SearchField.tsx';
import type { SortOrder } from '../../ui/table/column.ts';
import { DataTable } from '../../ui/table/DataTable.tsx';
import { NoRows } from '../../ui/table/NoRows.tsx';
import { counted } from '../../words/quantities.ts';
import { keyStates } from '../../words/states.ts';
import { IssueKeyDrawer } from './IssueKeyDrawer.tsx';
import { KeyDrawer } from './KeyDrawer.tsx';
import { keysColumns } from './keys-columns.tsx';
import { horizons, keysFilter } from './keys-filter.ts';
import { SecretDialog } from './SecretDialog.tsx';

const stateOptions = Object.entries(keyStates).map(([value, { label }]) => ({ value, label }));
const horizonOptions = horizons.map((days) => ({ value: days, label: `Within ${days} days` }));

export function KeysScreen({ route }: { route: Route }) {
  const { filters } = route;
  const filter = useMemo(() => keysFilter(filters), [filters]);
  const [inView, setInView] = useState<RowRange>({ first: 0, last: 0 });
  const list = usePagedList('keys.list', filter, inView);
  const lacks = useLacks();
  const columns = useMemo(() => keysColumns(lacks), [lacks]);
  const notIssued = lacks('keys.issue');
  const mayIssue = useMayWrite() && notIssued === null;
  /** The one secret that this window knows, for as long as its dialog is open. */
  const [issued, setIssued] = useState<IssuedKey | null>(null);

  const search = useCallback((value: string) => setFilters({ search: value }), []);
  const order: SortOrder = { column: filter.sort, descending: filter.descending };
  const filtered = Boolean(filter.search || filter.state || filter.expiresWithinDays);
  const open = (id: string) => (route.open === null ? go : amend)({ ...route, open: id });
  const close = () => amend({ open: null });
  function tell(key: IssuedKey): void {
    setIssued(key);
    amend({ open: key.subject });
  }

  return (
    <Screen
      title="Keys"
      count={list.total === undefined ? undefined : counted(list.total, 'key')}
      tools={
        <>
          <SearchField label="Search keys" value={filters.search ?? ''} onChange={search} />
          <Filter
            label="State"
            value={filter.state ?? ''}
            all="All states"
            options={stateOptions}
            onChange={(state) => setFilters({ state })}
          />
          {lacks('keys.expiry') ? null : (
            <Filter
              label="Expires"
              value={filters.expiring ?? ''}
              all="Any expiry"
              options={horizonOptions}
              onChange={(expiring) => setFilters({ expiring })}
            />
          )}
        </>
      }
      action={
        mayIssue ? (
          <Button leftSection={<Icon name="plus" size={14} />} onClick={() => open('new')}>
            Issue key
          </Button>
        ) : null
      }
      drawer={
        <>
          {route.open === 'new' && mayIssue ? <IssueKeyDrawer onClose={close} onIssued={tell} /> : null}
          {route.open !== null && route.open !== 'new' ? (
            <KeyDrawer key={route.open} reference={route.open} onClose={close} onIssued={tell} />
          ) : null}
          {issued ? <SecretDialog key={issued.command} issued={issued} onClose={() => setIssued(null)} /> : null}
        </>
      }
    >
      <DataTable<Key>
        label="Keys"
        columns={columns}
        list={list}
        idOf={(key) => key.id}
        openId={route.open}
        onOpen={(key) => open(key.id)}
        onWalk={(key) => amend({ open: key.id })}
        onView={setInView}
        order={order}
        onOrder={({ column, descending }) => setFilters({ sort: column, descending: descending ? 'yes' : null })}
        listKey={JSON.stringify(filter)}
        least={1090}
        empty={
          <NoRows
            icon="key"
            what="keys"
            none={lacks('keys') ?? `This organization has no API keys yet. ${notIssued ?? ''}`}
            filtered={filtered}
            onClear={() => setFilters({ search: null, state: null, expiring: null })}
          />
        }
      />
    </Screen>
  );
}
