import { href } from '../../navigation/route.ts';
import { useNow } from '../../ui/use-now.ts';
import { monthWords } from '../../words/moments.ts';
import { originWords } from './audit-words.ts';
import classes from './Life.module.css';
import { byMonth, type LifeEvent } from './life.ts';
import { lifeHref } from './Pivots.tsx';
import { Stamp } from './Stamp.tsx';

interface TimelineProps {
  events: LifeEvent[];
  openId: string | null;
  onOpen(id: string): void;
}

/** Month by month, newest first, along a line. */
export function Timeline({ events, openId, onOpen }: TimelineProps) {
  const now = useNow();
  return (
    <div className={classes.timeline}>
      {byMonth(events).map(({ month, events: within }) => (
        <section key={month} aria-label={monthWords(month)}>
          <h2>{monthWords(month)}</h2>
          <ol>
            {within.map((event) => (
              <li
                key={event.id}
                data-tone={event.tone}
                data-ahead={event.at > now}
                data-open={event.entry !== null && event.entry.id === openId}
              >
                <span className={classes.when}>
                  <Stamp at={new Date(event.at).toISOString()} />
                </span>
                <Told event={event} onOpen={onOpen} />
              </li>
            ))}
          </ol>
        </section>
      ))}
    </div>
  );
}

function Told({ event, onOpen }: { event: LifeEvent; onOpen(id: string): void }) {
  const { entry } = event;
  if (!entry)
    return event.version ? (
      <a href={lifeHref('key', event.version)}>{event.words}</a>
    ) : (
      <span className={classes.known}>{event.words}</span>
    );
  const columns = [...new Set(entry.changes.map(({ column }) => column))];
  return (
    <div className={classes.told}>
      <a
        href={href('audit', entry.id)}
        onClick={(click) => {
          if (click.ctrlKey || click.metaKey || click.shiftKey) return;
          click.preventDefault();
          onOpen(entry.id);
        }}
      >
        {event.words}
      </a>
      <p>
        {[
          entry.reason ? `“${entry.reason}”` : null,
          columns.length > 0 ? columns.slice(0, 4).join(', ') + (columns.length > 4 ? ' …' : '') : null,
          entry.device ? `on ${entry.device}` : null,
          entry.origin === 'central' ? null : originWords(entry.origin).label,
        ]
          .filter(Boolean)
          .join(' · ')}
      </p>
    </div>
  );
}
