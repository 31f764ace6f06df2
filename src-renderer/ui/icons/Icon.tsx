import classes from './Icon.module.css';

/** Strokes on a grid of 16, drawn for this product. */
const strokes = {
  people:
    'M5.5 7.5a2.5 2.5 0 1 0 0-5 2.5 2.5 0 0 0 0 5M1 13.5c0-2.5 2-4 4.5-4s4.5 1.5 4.5 4M10.5 2.8a2.4 2.4 0 0 1 0 4.4M12 9.8c1.8.5 3 1.8 3 3.7',
  key: 'M5 14a3.5 3.5 0 1 0 0-7 3.5 3.5 0 0 0 0 7M7.5 8 14 1.5M11.2 4.3l2 2',
  outbox: 'M8 9.5V2M5 4.7 8 1.7l3 3M1.5 9.5h3.2l1 2h4.6l1-2h3.2v4h-13z',
  audit: 'M3.5 1.5h6l3 3v10h-9zM9.5 1.5v3h3M6 7.5h4M6 10h4',
  data: 'M8 6c3.3 0 5.5-.9 5.5-2.2S11.3 1.5 8 1.5 2.5 2.5 2.5 3.8 4.7 6 8 6M2.5 3.8v8.4c0 1.3 2.2 2.3 5.5 2.3s5.5-1 5.5-2.3V3.8M2.5 8c0 1.3 2.2 2.2 5.5 2.2s5.5-.9 5.5-2.2',
  lock: 'M3 7h10v7.5H3zM5 7V4.5a3 3 0 0 1 6 0V7',
  sync: 'M13.5 6.5A5.7 5.7 0 0 0 3.2 5M2.5 9.5A5.7 5.7 0 0 0 12.8 11M3 1.8V5h3.2M13 14.2V11H9.8',
  offline: 'M2 2l12 12M5 5.2A4 4 0 0 0 4.5 13H11M6.8 3.9A4.5 4.5 0 0 1 11.8 8 2.6 2.6 0 0 1 13.7 12',
  check: 'M2.5 8.5l3.5 3.5 7.5-8',
  alarm: 'M8 1.8l6.5 12h-13zM8 6.2v3.6M8 11.7v.3',
  clock: 'M8 14.5a6.5 6.5 0 1 0 0-13 6.5 6.5 0 0 0 0 13M8 4.5V8l2.5 1.8',
  close: 'M3.5 3.5l9 9M12.5 3.5l-9 9',
  search: 'M7 12A5 5 0 1 0 7 2a5 5 0 0 0 0 10M10.7 10.7 14.5 14.5',
  plus: 'M8 2.5v11M2.5 8h11',
  up: 'M8 13V3M4 7l4-4 4 4',
  down: 'M8 3v10M4 9l4 4 4-4',
  right: 'M3 8h10M9 4l4 4-4 4',
  eye: 'M1.5 8S4 3.5 8 3.5 14.5 8 14.5 8 12 12.5 8 12.5 1.5 8 1.5 8M8 10a2 2 0 1 0 0-4 2 2 0 0 0 0 4',
  copy: 'M5.5 5.5h8v8h-8zM10.5 5.5v-3h-8v8h3',
  undo: 'M5.5 3 2.5 6l3 3M2.5 6H10a3.5 3.5 0 0 1 0 7H6',
  server: 'M2.5 2h11v4.5h-11zM2.5 9.5h11V14h-11zM5 4.2h.5M5 11.7h.5M8 4.2h3.5M8 11.7h3.5',
  file: 'M3.5 1.5h6l3 3v10h-9zM9.5 1.5v3h3',
  keyboard: 'M1.5 4h13v8.5h-13zM4 6.7h.5M7 6.7h.5M10 6.7h.5M12 6.7h.3M5 10h6',
} as const;
export type IconName = keyof typeof strokes;

/** A picture beside words. It says nothing by itself, so readers of the screen are not told of it. */
export function Icon({ name, size = 16 }: { name: IconName; size?: number }) {
  return (
    <svg className={classes.icon} width={size} height={size} viewBox="0 0 16 16" aria-hidden="true">
      <path d={strokes[name]} />
    </svg>
  );
}
