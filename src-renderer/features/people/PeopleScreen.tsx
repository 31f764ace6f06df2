import { Button } from '@mantine/core';
import { useCallback, useMemo, useState } from 'react';
import type { Person } from '../../../src-main/contract/people.ts';
import type { RowRange } from '../../calls/row-range.ts';
import { useCall } from '../../calls/use-call.ts';
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
import { personStates } from '../../words/states.ts';
import { NewPersonDrawer } from './NewPersonDrawer.tsx';
import { PersonDrawer } from './PersonDrawer.tsx';
import { peopleColumns } from './people-columns.tsx';
import { peopleFilter } from './people-filter.ts';

const stateOptions = Object.entries(personStates).map(([value, { label }]) => ({ value, label }));

export function PeopleScreen({ route }: { route: Route }) {
  const { filters } = route;
  const lacks = useLacks();
  const nameless = lacks('people.names') !== null;
  const filter = useMemo(() => peopleFilter(filters, nameless ? 'email' : 'name'), [filters, nameless]);
  const [inView, setInView] = useState<RowRange>({ first: 0, last: 0 });
  const list = usePagedList('people.list', filter, inView);
  const roles = useCall('people.roles', {}).data?.items ?? [];
  const columns = useMemo(() => peopleColumns(lacks), [lacks]);
  const notInvited = lacks('people.create') ?? lacks('people.names');
  const mayInvite = useMayWrite() && notInvited === null;

  const search = useCallback((value: string) => setFilters({ search: value }), []);
  const order: SortOrder = { column: filter.sort, descending: filter.descending };
  const filtered = Boolean(filter.search || filter.role || filter.state);
  const open = (id: string) => (route.open === null ? go : amend)({ ...route, open: id });
  const close = () => amend({ open: null });

  return (
    <Screen
      title="People"
      count={list.total === undefined ? undefined : counted(list.total, 'person', 'people')}
      tools={
        <>
          <SearchField label="Search people" value={filters.search ?? ''} onChange={search} />
          {lacks('people.roles') ? null : (
            <Filter
              label="Role"
              value={filters.role ?? ''}
              all="All roles"
              options={roles.map((role) => ({ value: role.name, label: `${role.name} (${role.people})` }))}
              onChange={(role) => setFilters({ role })}
            />
          )}
          <Filter
            label="State"
            value={filter.state ?? ''}
            all="All states"
            options={stateOptions}
            onChange={(state) => setFilters({ state })}
          />
        </>
      }
      action={
        mayInvite ? (
          <Button leftSection={<Icon name="plus" size={14} />} onClick={() => open('new')}>
            New person
          </Button>
        ) : null
      }
      drawer={
        route.open === 'new' && mayInvite ? (
          <NewPersonDrawer onClose={close} onCreated={(id) => amend({ open: id })} />
        ) : route.open !== null && route.open !== 'new' ? (
          <PersonDrawer key={route.open} reference={route.open} onClose={close} />
        ) : null
      }
    >
      <DataTable<Person>
        label="People"
        columns={columns}
        list={list}
        idOf={(person) => person.id}
        openId={route.open}
        onOpen={(person) => open(person.id)}
        onWalk={(person) => amend({ open: person.id })}
        onView={setInView}
        order={order}
        onOrder={({ column, descending }) => setFilters({ sort: column, descending: descending ? 'yes' : null })}
        listKey={JSON.stringify(filter)}
        least={812}
        empty={
          <NoRows
            icon="people"
            what="people"
            none={`Nobody is in this organization yet. ${notInvited ?? 'A new person is invited once central has accepted them.'}`}
            filtered={filtered}
            onClear={() => setFilters({ search: null, role: null, state: null })}
          />
        }
      />
    </Screen>
  );
}
