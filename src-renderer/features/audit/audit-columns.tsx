import type { AuditItem } from '../../../src-main/contract/audit.ts';
import { Moment } from '../../ui/Moment.tsx';
import { StateBadge } from '../../ui/StateBadge.tsx';
import type { Column } from '../../ui/table/column.ts';
import { auditSentence } from '../../words/actions.ts';
import classes from './Audit.module.css';
import { originWords } from './audit-words.ts';

export const auditColumns: Column<AuditItem>[] = [
  {
    id: 'at',
    title: 'When',
    track: '104px',
    cell: (item) => (
      <span className={classes.soft}>
        <Moment at={item.at} />
      </span>
    ),
  },
  { id: 'what', title: 'What', track: 'minmax(240px, 2.4fr)', cell: (item) => auditSentence(item) },
  {
    id: 'action',
    title: 'Action',
    track: 'minmax(120px, 1fr)',
    cell: (item) => <code className={classes.soft}>{item.action}</code>,
  },
  {
    id: 'reason',
    title: 'Reason',
    track: 'minmax(100px, 1.2fr)',
    cell: (item) => <span className={classes.soft}>{item.reason}</span>,
  },
  { id: 'origin', title: 'Origin', track: '92px', cell: (item) => <StateBadge state={originWords(item.origin)} /> },
];
