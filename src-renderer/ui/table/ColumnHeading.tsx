import { Icon } from '../icons/Icon.tsx';
import { type Column, nextOrder, type SortOrder } from './column.ts';
import classes from './DataTable.module.css';

interface ColumnHeadingProps<Row> {
  column: Column<Row> | undefined;
  order: SortOrder | undefined;
  onOrder: ((order: SortOrder) => void) | undefined;
}

/** The title of a column, which orders the list by it where the list can be. */
export function ColumnHeading<Row>({ column, order, onOrder }: ColumnHeadingProps<Row>) {
  if (!column) return null;
  if (!column.sorts || !order || !onOrder) {
    return (
      <th scope="col" data-align={column.align}>
        {column.title === '' ? <span className={classes.unseen}>Actions</span> : column.title}
      </th>
    );
  }
  const here = order.column === column.id;
  const direction = order.descending ? 'descending' : 'ascending';
  return (
    <th scope="col" data-align={column.align} aria-sort={here ? direction : 'none'}>
      <button type="button" className={classes.sort} onClick={() => onOrder(nextOrder(order, column.id))}>
        {column.title}
        {here ? <Icon name={order.descending ? 'down' : 'up'} size={12} /> : null}
      </button>
    </th>
  );
}
