import type { AuditItem } from '../../../src-main/contract/audit.ts';
import { StateBadge } from '../../ui/StateBadge.tsx';
import type { Column } from '../../ui/table/column.ts';
import { auditSentence } from '../../words/actions.ts';
import classes from './Audit.module.css';
import { originWords } from './audit-words.ts';
import { Stamp } from './Stamp.tsx';

export const auditColumns: Column<AuditItem>[] = [
  {
    id: 'at',
    title: 'When',
    track: '170px',
    cell: (item) => (
      <span className={classes.stamp}>
        <Stamp at={item.at} />
      </span>
    ),
  },
  { id: 'what', title: 'What', track: 'minmax(200px, 2.4fr)', cell: (item) => auditSentence(item) },
  {
    id: 'action',
    title: 'Action',
    track: 'minmax(110px, 1fr)',
    cell: (item) => <code className={classes.soft}>{item.action}</code>,
  },
  {
    id: 'reason',
    title: 'Reason',
    track: 'minmax(90px, 1fr)',
    cell: (item) => <span className={classes.soft}>{item.reason}</span>,
  },
  { id: 'origin', title: 'Origin', track: '92px', cell: (item) => <StateBadge state={originWords(item.origin)} /> },
];
