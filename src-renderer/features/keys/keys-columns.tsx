import type { SystemCapability } from '../../../src-main/contract/device.ts';
import type { Key } from '../../../src-main/contract/keys.ts';
import { Age } from '../../ui/Age.tsx';
import { Moment } from '../../ui/Moment.tsx';
import { PendingMark } from '../../ui/PendingMark.tsx';
import { StateBadge } from '../../ui/StateBadge.tsx';
import type { Column } from '../../ui/table/column.ts';
import { keyStateWords } from '../../words/states.ts';
import { Expiry } from './Expiry.tsx';
import classes from './Keys.module.css';
import { keyMask, keyName } from './key-words.ts';
import { Scopes } from './Scopes.tsx';

/** Those of the system that is connected: what it does not keep has no column. */
export function keysColumns(lacks: (capability: SystemCapability) => string | null): Column<Key>[] {
  const kept = { scopes: 'keys.scopes', expiresAt: 'keys.expiry', lastUsedAt: 'keys.lastUsed' } as const;
  const missing = Object.entries(kept).flatMap(([id, capability]) => (lacks(capability) ? [id] : []));
  return columns.filter(({ id }) => !missing.includes(id));
}

const columns: Column<Key>[] = [
  {
    id: 'label',
    title: 'Label',
    track: 'minmax(172px, 2fr)',
    sorts: true,
    cell: (key) => <span className={classes.name}>{keyName(key)}</span>,
  },
  {
    id: 'mask',
    title: 'Key',
    track: '128px',
    cell: (key) => <span className={classes.mask}>{keyMask(key) ?? 'not known'}</span>,
  },
  {
    id: 'scopes',
    title: 'Scopes',
    track: 'minmax(120px, 1.2fr)',
    cell: (key) => <Scopes scopes={key.scopes} most={1} />,
  },
  {
    id: 'state',
    title: 'State',
    track: '112px',
    sorts: true,
    cell: (key) => <StateBadge state={keyStateWords(key)} />,
  },
  { id: 'expiresAt', title: 'Expires', track: '146px', sorts: true, cell: (key) => <Expiry of={key} /> },
  {
    id: 'lastUsedAt',
    title: 'Last used',
    track: '104px',
    sorts: true,
    cell: (key) => (
      <span className={classes.soft}>
        <Moment at={key.lastUsedAt} />
      </span>
    ),
  },
  {
    id: 'createdAt',
    title: 'Age',
    track: '84px',
    sorts: true,
    cell: (key) => (
      <span className={classes.soft}>
        <Age since={key.createdAt} />
      </span>
    ),
  },
  { id: 'pending', title: 'Pending', track: '84px', cell: (key) => <PendingMark count={key.pending} /> },
];
