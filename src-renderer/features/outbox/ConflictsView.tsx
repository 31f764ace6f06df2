import { Button } from '@mantine/core';
import { asLatchkeyError } from '../../calls/cache.ts';
import { useCall } from '../../calls/use-call.ts';
import { href, type Route } from '../../navigation/route.ts';
import { setFilters } from '../../navigation/use-route.ts';
import { EmptyState } from '../../ui/EmptyState.tsx';
import { ErrorPanel } from '../../ui/ErrorPanel.tsx';
import { Filter } from '../../ui/Filter.tsx';
import { Screen } from '../../ui/Screen.tsx';
import { counted } from '../../words/quantities.ts';
import { ConflictCard } from './ConflictCard.tsx';
import classes from './Outbox.module.css';
import { ViewSwitch } from './ViewSwitch.tsx';

/** Conflicts shown at once. Resolving some brings the next. */
const most = 100;

export function ConflictsView({ route }: { route: Route }) {
  const state = route.filters.state === 'resolved' ? 'resolved' : 'open';
  const answer = useCall('conflicts.list', { state, limit: most });
  const list = answer.data;
  return (
    <Screen
      title="Outbox"
      count={list === undefined ? undefined : `${counted(list.total, 'conflict')} ${state}`}
      tools={
        <>
          <ViewSwitch view="conflicts" />
          <Filter
            label="State"
            value={state === 'open' ? '' : state}
            all="Open"
            options={[{ value: 'resolved', label: 'Resolved' }]}
            onChange={(chosen) => setFilters({ state: chosen })}
          />
        </>
      }
    >
      <div className={classes.conflicts}>
        {answer.error ? (
          <ErrorPanel error={asLatchkeyError(answer.error)} onRetry={() => void answer.refetch()} />
        ) : null}
        {list?.items.map((conflict) => (
          <ConflictCard key={conflict.conflict} conflict={conflict} />
        ))}
        {list && list.total > list.items.length ? (
          <p className={classes.soft}>{list.total - list.items.length} more follow once some of these are resolved.</p>
        ) : null}
        {list?.total === 0 ? (
          <EmptyState
            icon="check"
            title={state === 'open' ? 'No open conflicts' : 'No resolved conflicts'}
            action={
              <Button variant="default" component="a" href={href('outbox')}>
                Show commands
              </Button>
            }
          >
            {state === 'open'
              ? 'Central took every command as it was, or has not seen it yet.'
              : 'Conflicts stay here once they are resolved.'}
          </EmptyState>
        ) : null}
      </div>
    </Screen>
  );
}
