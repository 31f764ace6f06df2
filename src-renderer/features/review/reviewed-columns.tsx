import type { Column } from '../../ui/table/column.ts';
import { milliseconds, zonedWords } from '../../words/moments.ts';
import classes from './Review.module.css';
import type { ReviewedEntry } from './reviewed-entry.ts';

export const reviewedColumns: Column<ReviewedEntry>[] = [
  {
    id: 'entry',
    title: 'Entry',
    track: '84px',
    cell: (entry) => <span className={classes.soft}>{entry.index === null ? 'tail' : `#${entry.index}`}</span>,
  },
  {
    id: 'at',
    title: 'When (UTC)',
    track: '170px',
    cell: (entry) => {
      const at = milliseconds(entry.at);
      return <span className={classes.soft}>{at === null ? entry.at : zonedWords(at, 'UTC')}</span>;
    },
  },
  { id: 'what', title: 'What', track: 'minmax(220px, 2.4fr)', cell: (entry) => entry.sentence },
  {
    id: 'action',
    title: 'Action',
    track: 'minmax(110px, 1fr)',
    cell: (entry) => <code className={classes.soft}>{entry.action}</code>,
  },
  {
    id: 'reason',
    title: 'Reason',
    track: 'minmax(90px, 1fr)',
    cell: (entry) => <span className={classes.soft}>{entry.reason}</span>,
  },
];
