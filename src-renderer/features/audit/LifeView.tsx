import { Button, Loader } from '@mantine/core';
import type { ReactNode } from 'react';
import { asLatchkeyError } from '../../calls/cache.ts';
import { useCall } from '../../calls/use-call.ts';
import { useAuditPages } from '../../calls/use-pages.ts';
import { href, type Route } from '../../navigation/route.ts';
import { amend, go } from '../../navigation/use-route.ts';
import { EmptyState } from '../../ui/EmptyState.tsx';
import { ErrorPanel } from '../../ui/ErrorPanel.tsx';
import { Screen } from '../../ui/Screen.tsx';
import { useNow } from '../../ui/use-now.ts';
import { counted } from '../../words/quantities.ts';
import { AuditDrawer } from './AuditDrawer.tsx';
import classes from './Life.module.css';
import { keyMoments, type LifeEvent, lifeOf, personMoments } from './life.ts';
import { Timeline } from './Timeline.tsx';
import { ZoneSwitch } from './ZoneSwitch.tsx';

/** Everything that became of one person or one key, as a timeline. */
export function LifeView({ route }: { route: Route }) {
  const { person, key } = route.filters;
  if (person) return <PersonLife id={person} route={route} />;
  if (key) return <KeyLife id={key} route={route} />;
  return (
    <Screen title="Life">
      <EmptyState icon="audit" title="Nobody and nothing was named">
        Open a person or a key, and follow “Life” from there.
      </EmptyState>
    </Screen>
  );
}

function PersonLife({ id, route }: { id: string; route: Route }) {
  const shown = useCall('people.show', { person: id });
  const name = shown.data ? (shown.data.name ?? shown.data.email) : id;
  const acts = route.filters.acts === 'yes';
  return (
    <Life
      route={route}
      name={name}
      filter={acts ? { actor: id } : { object: id }}
      moments={shown.data && !acts ? personMoments(shown.data) : []}
      place={{ words: 'Open in People', href: href('people', id) }}
      side={
        <nav className={classes.sides} aria-label="Sides of a life">
          <a href={href('audit', null, { show: 'life', person: id })} aria-current={!acts}>
            Done to them
          </a>
          <a href={href('audit', null, { show: 'life', person: id, acts: 'yes' })} aria-current={acts}>
            Done by them
          </a>
        </nav>
      }
    />
  );
}

function KeyLife({ id, route }: { id: string; route: Route }) {
  const shown = useCall('keys.show', { key: id });
  const now = useNow();
  const name = shown.data ? (shown.data.label ?? shown.data.prefix ?? id) : id;
  return (
    <Life
      route={route}
      name={name}
      filter={{ object: id }}
      moments={shown.data ? keyMoments(shown.data, now) : []}
      place={{ words: 'Open in Keys', href: href('keys', id) }}
      side={null}
    />
  );
}

interface LifeProps {
  route: Route;
  name: string;
  filter: { actor: string } | { object: string };
  moments: LifeEvent[];
  place: { words: string; href: string };
  side: ReactNode;
}

function Life({ route, name, filter, moments, place, side }: LifeProps) {
  const pages = useAuditPages(filter);
  const entries = pages.data?.pages.flatMap(({ items }) => items) ?? [];
  const last = pages.data?.pages.at(-1);
  const events = lifeOf(moments, entries, pages.hasNextPage);
  const open = (id: string) => (route.open === null ? go : amend)({ ...route, open: id });
  return (
    <Screen
      title={`The life of ${name}`}
      count={last ? `${last.more ? 'over ' : ''}${counted(last.total, 'entry', 'entries')}` : undefined}
      tools={
        <>
          {side}
          <ZoneSwitch />
          <a href={href('audit', null, filter)}>As a list</a>
          <a href={place.href}>{place.words}</a>
        </>
      }
      drawer={
        route.open === null ? null : (
          <AuditDrawer key={route.open} id={route.open} onClose={() => amend({ open: null })} />
        )
      }
    >
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must scroll by the keyboard too. */}
      <section className={classes.page} aria-label={`The life of ${name}`} data-list="" tabIndex={0}>
        {pages.error ? <ErrorPanel error={asLatchkeyError(pages.error)} onRetry={() => void pages.refetch()} /> : null}
        {pages.isPending ? <Loader size="sm" /> : null}
        {!pages.isPending && events.length === 0 ? (
          <EmptyState icon="audit" title="Nothing recorded">
            The log on this device tells of nothing here. It may have happened before what is kept.
          </EmptyState>
        ) : null}
        <Timeline events={events} openId={route.open} onOpen={open} />
        {pages.hasNextPage ? (
          <Button variant="default" loading={pages.isFetchingNextPage} onClick={() => void pages.fetchNextPage()}>
            Show what was before
          </Button>
        ) : null}
      </section>
    </Screen>
  );
}
