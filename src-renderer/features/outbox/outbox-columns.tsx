import type { OutboxItem } from '../../../src-main/contract/outbox.ts';
import { CommandStepper } from '../../ui/CommandStepper.tsx';
import { Moment } from '../../ui/Moment.tsx';
import type { Column } from '../../ui/table/column.ts';
import classes from './Outbox.module.css';
import { UndoButton } from './UndoButton.tsx';

export const outboxColumns: Column<OutboxItem>[] = [
  {
    id: 'summary',
    title: 'What',
    track: 'minmax(200px, 2fr)',
    cell: (item) => <span className={classes.summary}>{item.summary}</span>,
  },
  { id: 'state', title: 'State', track: '150px', cell: (item) => <CommandStepper state={item.state} /> },
  {
    id: 'note',
    title: 'Note',
    track: 'minmax(120px, 1.6fr)',
    cell: (item) => <span className={classes.soft}>{item.note ?? item.reason}</span>,
  },
  {
    id: 'madeAt',
    title: 'Made',
    track: '96px',
    cell: (item) => (
      <span className={classes.soft}>
        <Moment at={item.madeAt} />
      </span>
    ),
  },
  {
    id: 'undo',
    title: '',
    track: '76px',
    align: 'end',
    cell: (item) => (item.undoable ? <UndoButton item={item} /> : null),
  },
];
