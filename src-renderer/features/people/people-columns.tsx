import type { SystemCapability } from '../../../src-main/contract/device.ts';
import type { Person } from '../../../src-main/contract/people.ts';
import { Moment } from '../../ui/Moment.tsx';
import { PendingMark } from '../../ui/PendingMark.tsx';
import { StateBadge } from '../../ui/StateBadge.tsx';
import type { Column } from '../../ui/table/column.ts';
import { personStates } from '../../words/states.ts';
import classes from './People.module.css';

/** Those of the system that is connected: what it does not keep has no column. */
export function peopleColumns(lacks: (capability: SystemCapability) => string | null): Column<Person>[] {
  const missing = [lacks('people.names') ? 'name' : '', lacks('people.roles') ? 'role' : ''];
  return columns.filter(({ id }) => !missing.includes(id));
}

const columns: Column<Person>[] = [
  {
    id: 'name',
    title: 'Name',
    track: 'minmax(150px, 1.4fr)',
    sorts: true,
    cell: (person) => <span className={classes.name}>{person.name ?? person.email}</span>,
  },
  { id: 'email', title: 'Email', track: 'minmax(170px, 1.8fr)', sorts: true, cell: (person) => person.email },
  { id: 'role', title: 'Role', track: 'minmax(84px, 0.7fr)', sorts: true, cell: (person) => person.role ?? 'none' },
  {
    id: 'state',
    title: 'State',
    track: '108px',
    sorts: true,
    cell: (person) => <StateBadge state={personStates[person.state]} />,
  },
  {
    id: 'lastSeenAt',
    title: 'Last seen',
    track: '104px',
    sorts: true,
    cell: (person) => (
      <span className={classes.soft}>
        <Moment at={person.lastSeenAt} />
      </span>
    ),
  },
  { id: 'pending', title: 'Pending', track: '84px', cell: (person) => <PendingMark count={person.pending} /> },
];
