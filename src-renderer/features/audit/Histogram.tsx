import { type KeyboardEvent, type PointerEvent, useRef, useState } from 'react';
import { dayWords } from '../../words/moments.ts';
import { count, counted } from '../../words/quantities.ts';
import classes from './Histogram.module.css';
import { type Bar, type BarRange, barsIn, countOf, type DayRange, daysOf, movedEnd } from './histogram.ts';

const height = 56;

interface HistogramProps {
  bars: Bar[];
  range: Partial<DayRange>;
  /** Before this day nothing was counted, because too much matches. */
  countedSince: string | null;
  onRange(range: DayRange | null): void;
}

/** Entries by day. Drawn over with the pointer, or with the arrows on either end, it says which days are asked for. */
export function Histogram({ bars, range, countedSince, onRange }: HistogramProps) {
  const field = useRef<HTMLDivElement>(null);
  const [drag, setDrag] = useState<{ start: number; end: number } | null>(null);
  const chosen = drag
    ? { from: Math.min(drag.start, drag.end), to: Math.max(drag.start, drag.end) }
    : barsIn(bars, range);
  const ends = chosen ?? { from: 0, to: bars.length - 1 };
  const most = Math.max(1, ...bars.map((bar) => bar.count));
  const uncounted = countedSince === null ? 0 : bars.filter((bar) => bar.to < countedSince).length;

  function barAt(event: PointerEvent): number {
    const box = field.current!.getBoundingClientRect();
    const at = Math.floor(((event.clientX - box.left) / box.width) * bars.length);
    return Math.max(0, Math.min(bars.length - 1, at));
  }
  function press(event: PointerEvent<HTMLDivElement>): void {
    if (event.button !== 0) return;
    event.currentTarget.setPointerCapture(event.pointerId);
    setDrag({ start: barAt(event), end: barAt(event) });
  }
  function release(event: PointerEvent): void {
    if (!drag) return;
    const next = { from: Math.min(drag.start, barAt(event)), to: Math.max(drag.start, barAt(event)) };
    setDrag(null);
    const before = barsIn(bars, range);
    const again = next.from === next.to && before?.from === next.from && before.to === next.to;
    onRange(again ? null : daysOf(bars, next.from, next.to));
  }
  function keys(event: KeyboardEvent, end: 'from' | 'to'): void {
    if ((event.key === 'Escape' || event.key === 'Delete') && chosen) {
      event.preventDefault();
      onRange(null);
      return;
    }
    const to = movedEnd(event.key, ends[end], bars.length);
    if (to === null) return;
    event.preventDefault();
    const moved = end === 'from' ? { from: to, to: Math.max(to, ends.to) } : { from: Math.min(to, ends.from), to };
    onRange(daysOf(bars, moved.from, moved.to));
  }

  const isByDay = bars[0]?.from === bars[0]?.to;
  if (bars.length === 0) return <div className={classes.field} data-empty="" />;
  return (
    <fieldset className={classes.histogram}>
      <legend className={classes.unseen}>Entries by day</legend>
      <div
        ref={field}
        className={classes.field}
        onPointerDown={press}
        onPointerMove={(event) => drag && setDrag({ ...drag, end: barAt(event) })}
        onPointerUp={release}
        onPointerCancel={() => setDrag(null)}
      >
        <svg viewBox={`0 0 ${bars.length} ${height}`} preserveAspectRatio="none" aria-hidden="true">
          {uncounted > 0 ? <rect className={classes.uncounted} width={uncounted} height={height} /> : null}
          {chosen ? (
            <rect className={classes.chosen} x={chosen.from} width={chosen.to - chosen.from + 1} height={height} />
          ) : null}
          {bars.map((bar, at) => (
            <BarShape key={bar.from} bar={bar} at={at} most={most} within={isWithin(at, chosen)} />
          ))}
        </svg>
        {(['from', 'to'] as const).map((end) => (
          <div
            key={end}
            className={classes.end}
            data-shown={chosen !== null}
            style={{ left: `${(100 * (ends[end] + (end === 'to' ? 1 : 0))) / bars.length}%` }}
            role="slider"
            tabIndex={0}
            aria-label={end === 'from' ? 'First day' : 'Last day'}
            aria-valuemin={0}
            aria-valuemax={bars.length - 1}
            aria-valuenow={ends[end]}
            aria-valuetext={`${dayWords(bars[ends[end]]![end])}, ${counted(countOf(bars, ends), 'entry', 'entries')} in the range`}
            onKeyDown={(event) => keys(event, end)}
          />
        ))}
      </div>
      <div className={classes.axis} aria-hidden="true">
        <span>{dayWords(bars[0]!.from)}</span>
        <span>
          {chosen ? chosenWords(bars, chosen, uncounted) : `most in a ${isByDay ? 'day' : 'bar'}: ${count(most)}`}
        </span>
        <span>{dayWords(bars.at(-1)!.to)} UTC</span>
      </div>
    </fieldset>
  );
}

function isWithin(at: number, chosen: BarRange | null): boolean {
  return chosen === null || (at >= chosen.from && at <= chosen.to);
}

function chosenWords(bars: readonly Bar[], chosen: BarRange, uncounted: number): string {
  const some = chosen.from < uncounted ? 'at least ' : '';
  return `${rangeWords(daysOf(bars, chosen.from, chosen.to))}: ${some}${count(countOf(bars, chosen))}`;
}

function rangeWords({ from, to }: DayRange): string {
  return from === to ? dayWords(from) : `${dayWords(from)} – ${dayWords(to)}`;
}

function BarShape({ bar, at, most, within }: { bar: Bar; at: number; most: number; within: boolean }) {
  // A day with a single entry among thousands is still seen.
  const tall = bar.count === 0 ? 0 : Math.max(2, (bar.count / most) * (height - 2));
  const days = bar.from === bar.to ? dayWords(bar.from) : rangeWords(bar);
  return (
    <g>
      <rect className={classes.hit} x={at} width={1} height={height}>
        <title>{`${days}: ${counted(bar.count, 'entry', 'entries')}`}</title>
      </rect>
      <rect className={classes.bar} data-within={within} x={at + 0.1} width={0.8} y={height - tall} height={tall} />
    </g>
  );
}
