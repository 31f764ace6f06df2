import type { ReactNode } from 'react';

/** One column of a list: its heading, its share of the width as a CSS grid track, and what stands in a row. */
export interface Column<Row> {
  id: string;
  title: string;
  track: string;
  cell(row: Row): ReactNode;
  /** True where the list can be asked for in the order of this column. */
  sorts?: boolean;
  align?: 'end';
}

export interface SortOrder {
  column: string;
  descending: boolean;
}

/** The order after a click on a column's heading. */
export function nextOrder(order: SortOrder, column: string): SortOrder {
  return { column, descending: order.column === column ? !order.descending : false };
}
