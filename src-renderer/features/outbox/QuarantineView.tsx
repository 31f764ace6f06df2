import { Button, Loader } from '@mantine/core';
import { asLatchkeyError } from '../../calls/cache.ts';
import { useCall } from '../../calls/use-call.ts';
import { href } from '../../navigation/route.ts';
import { EmptyState } from '../../ui/EmptyState.tsx';
import { ErrorPanel } from '../../ui/ErrorPanel.tsx';
import { Screen } from '../../ui/Screen.tsx';
import { counted } from '../../words/quantities.ts';
import classes from './Outbox.module.css';
import { QuarantinedCard } from './QuarantinedCard.tsx';
import { ViewSwitch } from './ViewSwitch.tsx';

/** What operators did who were deactivated or demoted before central got it. Central is asked each time: nothing of it is kept here. */
export function QuarantineView() {
  const answer = useCall('quarantine.list', {});
  const list = answer.data;
  return (
    <Screen
      title="Outbox"
      count={list === undefined ? undefined : `${counted(list.total, 'command')} in quarantine`}
      tools={<ViewSwitch view="quarantine" />}
    >
      <div className={classes.conflicts}>
        {answer.isPending ? <Loader size="sm" /> : null}
        {answer.error ? (
          <ErrorPanel error={asLatchkeyError(answer.error)} onRetry={() => void answer.refetch()} />
        ) : null}
        {list?.items.map((item) => (
          <QuarantinedCard key={item.command} item={item} />
        ))}
        {list?.total === 0 ? (
          <EmptyState
            icon="check"
            title="Nothing in quarantine"
            action={
              <Button variant="default" component="a" href={href('outbox')}>
                Show commands
              </Button>
            }
          >
            Commands of people who were deactivated or demoted before central got them wait here for an administrator.
          </EmptyState>
        ) : null}
      </div>
    </Screen>
  );
}
