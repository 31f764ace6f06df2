import { Button, Loader } from '@mantine/core';
import type { CentralHealth } from '../../../src-main/contract/central.ts';
import { asLatchkeyError } from '../../calls/cache.ts';
import { useCall } from '../../calls/use-call.ts';
import { ErrorPanel } from '../../ui/ErrorPanel.tsx';
import { Moment } from '../../ui/Moment.tsx';
import { Screen } from '../../ui/Screen.tsx';
import { useNow } from '../../ui/use-now.ts';
import { bytes, count, counted } from '../../words/quantities.ts';
import classes from './Central.module.css';
import { type Judged, judgeBackups, judgeConnections, judgeDrill, judgeLog, judgePartitions } from './judge.ts';
import { PostureSection } from './PostureSection.tsx';
import { TablesOfCentral } from './TablesOfCentral.tsx';

/** How central is doing, in its own words. Asked for each time: nothing of it is kept here, and offline there is none. */
export function CentralScreen() {
  const answer = useCall('central.health', {});
  const health = answer.data;
  return (
    <Screen
      title="Central"
      count={health === undefined ? undefined : counted(health.tables.length, 'table')}
      tools={null}
      action={
        <Button variant="default" loading={answer.isFetching} onClick={() => void answer.refetch()}>
          Ask again
        </Button>
      }
    >
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must scroll by the keyboard too. */}
      <section className={classes.page} aria-label="How central is doing" tabIndex={0}>
        {answer.isPending ? <Loader size="sm" /> : null}
        {answer.error ? (
          <ErrorPanel error={asLatchkeyError(answer.error)} onRetry={() => void answer.refetch()} />
        ) : null}
        {health && !answer.error ? <Health health={health} /> : null}
      </section>
    </Screen>
  );
}

function Health({ health }: { health: CentralHealth }) {
  const now = useNow();
  return (
    <>
      <dl className={classes.cards}>
        <Card name="Full backup" judged={judgeBackups(health, now)} />
        <Card name="Restore drill" judged={judgeDrill(health, now)} />
        <Card name="Write-ahead log" judged={judgeLog(health)} />
        <Card name="Partitions" judged={judgePartitions(health, now)} />
        <Card name="Connections" judged={judgeConnections(health)} />
        <Card
          name="Devices"
          judged={{
            tone: health.devices.silent > 0 ? 'wait' : 'good',
            says: `${count(health.devices.active)} active`,
            more:
              health.devices.silent > 0
                ? `${count(health.devices.silent)} not heard of for 30 days`
                : 'all heard of within 30 days',
          }}
        />
      </dl>
      {health.retention.length > 0 ? (
        <section>
          <h2 className={classes.head}>Retention</h2>
          <ul className={classes.lines}>
            {health.retention.map((policy) => (
              <li key={policy.table}>
                <strong>{policy.table}</strong> keeps {counted(policy.days, 'day')}, last run{' '}
                <Moment at={policy.ranAt} />
                {policy.outdatedRows + policy.outdatedPartitions > 0
                  ? `; about ${counted(policy.outdatedRows, 'row')} in ${counted(policy.outdatedPartitions, 'partition')} are older`
                  : '; nothing is older'}
              </li>
            ))}
          </ul>
        </section>
      ) : null}
      <PostureSection />
      <TablesOfCentral tables={health.tables} />
      <p className={classes.soft}>
        Latchkey’s change log takes {bytes(health.changesBytes)}. What is amiss is mended with a database
        administrator’s login: <code>npx latchkey central health</code> says how.
      </p>
    </>
  );
}

function Card({ name, judged: { tone, says, more } }: { name: string; judged: Judged }) {
  return (
    <div className={classes.card} data-tone={tone}>
      <dt>{name}</dt>
      <dd>
        <strong>{says}</strong>
        <span>{more}</span>
      </dd>
    </div>
  );
}
