import { rowSortingFeature, tableFeatures, useTable } from '@tanstack/react-table';
import { useVirtualizer } from '@tanstack/react-virtual';
import { type ReactNode, useEffect, useId, useMemo, useRef, useState } from 'react';
import type { RowRange } from '../../calls/row-range.ts';
import type { PagedList } from '../../calls/use-paged-list.ts';
import { count } from '../../words/quantities.ts';
import { ErrorPanel } from '../ErrorPanel.tsx';
import { ColumnHeading } from './ColumnHeading.tsx';
import type { Column, SortOrder } from './column.ts';
import classes from './DataTable.module.css';
import { useListKeys } from './use-list-keys.ts';
import { WaitingRows } from './WaitingRows.tsx';

const features = tableFeatures({ rowSortingFeature });

/** Height of a row in pixels, as the style sheet has it. */
const rowHeight = 34;
/** A browser lays out no box higher than 2^25 pixels. */
const mostRows = Math.floor(2 ** 25 / rowHeight) - 1;
/** Rows in view are told in steps of so many, so that a scroll does not tell of every row. */
const viewStep = 25;

/** A place in the list, and its row where it is here already. */
interface Slot<Row> {
  index: number;
  row: Row | undefined;
}

interface DataTableProps<Row> {
  label: string;
  columns: Column<Row>[];
  list: PagedList<Row>;
  idOf(row: Row): string;
  /** The row that is open in the drawer. */
  openId?: string | null;
  onOpen?(row: Row): void;
  /** Another row, by keyboard, while the drawer is open. */
  onWalk?(row: Row): void;
  onView(range: RowRange): void;
  order?: SortOrder;
  onOrder?(order: SortOrder): void;
  /** Changes when the list becomes another one, which starts at its top. */
  listKey: string;
  empty: ReactNode;
  /** Least width in pixels before the list scrolls sideways. */
  least?: number;
}

/** A list of any length: only rows in view exist. The list has the focus, and points at its active row. */
export function DataTable<Row>(props: DataTableProps<Row>) {
  const { list, columns } = props;
  const total = Math.min(list.total ?? 0, mostRows);
  const scroller = useRef<HTMLDivElement>(null);
  const [grid, setGrid] = useState<HTMLTableElement | null>(null);
  const prefix = useId();
  const [active, setActive] = useState(-1);

  const virtualizer = useVirtualizer({
    count: total,
    getScrollElement: () => scroller.current,
    estimateSize: () => rowHeight,
    overscan: 8,
    scrollPaddingStart: rowHeight,
  });
  const items = virtualizer.getVirtualItems();
  useViewReport(items[0]?.index, items.at(-1)?.index, props.onView);

  const slots = items.map((item): Slot<Row> => ({ index: item.index, row: list.rowAt(item.index) }));
  const table = useTable({
    features,
    columns: useMemo(() => columns.map(toTableColumn), [columns]),
    data: slots,
    getRowId: (slot) => String(slot.index),
    manualSorting: true,
    state: { sorting: props.order ? [{ id: props.order.column, desc: props.order.descending }] : [] },
  });
  const rows = table.getRowModel().rows;
  const tracks = columns.map((column) => column.track).join(' ');

  // Another list starts at its top, with nothing pointed at.
  const [shownKey, setShownKey] = useState(props.listKey);
  if (shownKey !== props.listKey) {
    setShownKey(props.listKey);
    setActive(-1);
  }
  // biome-ignore lint/correctness/useExhaustiveDependencies: runs when the list becomes another one, and only then
  useEffect(() => {
    scroller.current?.scrollTo({ top: 0 });
  }, [props.listKey]);

  // The open row is the active one, also where rows above it came or went.
  const openAt = slots.find((slot) => slot.row && props.openId && props.idOf(slot.row) === props.openId)?.index;
  if (openAt !== undefined && active !== openAt) setActive(openAt);

  function move(to: number): void {
    setActive(to);
    virtualizer.scrollToIndex(to, { align: 'auto' });
    const row = list.rowAt(to);
    if (props.openId && row) props.onWalk?.(row);
  }
  function open(index: number): void {
    const row = list.rowAt(index);
    setActive(index);
    if (row) props.onOpen?.(row);
  }
  useListKeys(grid, {
    active,
    total,
    rowsPerPage: Math.max(1, Math.floor((scroller.current?.clientHeight ?? 0) / rowHeight) - 2),
    onMove: move,
    onOpen: open,
  });

  if (list.error && list.total === undefined) {
    return (
      <div className={classes.aside}>
        <ErrorPanel error={list.error} onRetry={list.retry} />
      </div>
    );
  }
  return (
    <>
      {list.error ? (
        <div className={classes.aside}>
          <ErrorPanel error={list.error} onRetry={list.retry} />
        </div>
      ) : null}
      <div className={classes.scroller} ref={scroller} tabIndex={-1}>
        <table
          ref={setGrid}
          className={classes.grid}
          style={{ minWidth: props.least }}
          // biome-ignore lint/a11y/noNoninteractiveElementToInteractiveRole: a table whose rows can be walked and opened
          role="grid"
          data-list=""
          tabIndex={0}
          aria-label={props.label}
          aria-rowcount={total + 1}
          aria-busy={list.total === undefined}
          aria-activedescendant={active >= 0 ? `${prefix}${active}` : undefined}
        >
          <thead>
            {table.getHeaderGroups().map((group) => (
              <tr key={group.id} className={classes.head} style={{ gridTemplateColumns: tracks }} aria-rowindex={1}>
                {group.headers.map((header) => (
                  <ColumnHeading
                    key={header.id}
                    column={columns.find((column) => column.id === header.column.id)}
                    order={props.order}
                    onOrder={props.onOrder}
                  />
                ))}
              </tr>
            ))}
          </thead>
          <tbody style={{ height: virtualizer.getTotalSize() }}>
            {rows.map((row, at) => {
              const { index, row: content } = row.original;
              const isOpen = content !== undefined && props.openId != null && props.idOf(content) === props.openId;
              return (
                <tr
                  key={row.id}
                  id={`${prefix}${index}`}
                  className={classes.row}
                  style={{ gridTemplateColumns: tracks, transform: `translateY(${items[at]?.start ?? 0}px)` }}
                  aria-rowindex={index + 2}
                  aria-selected={isOpen}
                  data-active={index === active}
                  data-opens={props.onOpen !== undefined}
                  onClick={() => open(index)}
                >
                  {row.getAllCells().map((cell, column) => (
                    <td key={cell.id} data-align={columns[column]?.align}>
                      {content === undefined ? <span className={classes.waiting} /> : <table.FlexRender cell={cell} />}
                    </td>
                  ))}
                </tr>
              );
            })}
          </tbody>
        </table>
        {list.total === 0 ? props.empty : null}
        {list.total === undefined ? <WaitingRows /> : null}
      </div>
      {(list.total ?? 0) > mostRows ? (
        <p className={classes.more}>
          The first {count(mostRows)} of {count(list.total ?? 0)} are shown. Search or filter to reach the others.
        </p>
      ) : null}
    </>
  );
}

function toTableColumn<Row>(column: Column<Row>) {
  return {
    id: column.id,
    header: column.title,
    enableSorting: column.sorts ?? false,
    cell: ({ row }: { row: { original: Slot<Row> } }) => (row.original.row ? column.cell(row.original.row) : null),
  };
}

function useViewReport(first: number | undefined, last: number | undefined, onView: (range: RowRange) => void): void {
  const from = Math.floor((first ?? 0) / viewStep) * viewStep;
  const to = Math.ceil(((last ?? 0) + 1) / viewStep) * viewStep;
  useEffect(() => onView({ first: from, last: to }), [from, to, onView]);
}
