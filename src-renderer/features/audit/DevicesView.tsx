import { Loader, SegmentedControl } from '@mantine/core';
import { useState } from 'react';
import type { IntegrityFinding } from '../../../src-main/contract/integrity.ts';
import type { Lane } from '../../../src-main/contract/log.ts';
import { asLatchkeyError } from '../../calls/cache.ts';
import { useCall } from '../../calls/use-call.ts';
import { EmptyState } from '../../ui/EmptyState.tsx';
import { ErrorPanel } from '../../ui/ErrorPanel.tsx';
import { Screen } from '../../ui/Screen.tsx';
import { useNow } from '../../ui/use-now.ts';
import { count, counted } from '../../words/quantities.ts';
import { AuditViews } from './AuditViews.tsx';
import { DeviceLane } from './DeviceLane.tsx';
import classes from './Lanes.module.css';
import { lastOf, spanOf } from './lanes.ts';
import { Stamp } from './Stamp.tsx';
import { ZoneSwitch } from './ZoneSwitch.tsx';

const day = 86_400_000;
const lengths: Record<string, number | null> = { all: null, '30d': 30 * day, '7d': 7 * day, '24h': day };

/** Who did when what on which device, who was offline for how long, and whose clock was wrong. */
export function DevicesView() {
  const answer = useCall('audit.lanes', {});
  const findings = useCall('audit.integrity', {}).data?.findings ?? [];
  const [length, setLength] = useState('all');
  const now = useNow();
  const lanes = answer.data?.lanes ?? [];
  const whole = spanOf(lanes, now);
  const span = whole && lastOf(whole, lengths[length] ?? null);
  return (
    <Screen
      title="Audit"
      count={answer.data ? counted(lanes.length, 'device') : undefined}
      tools={
        <>
          <AuditViews view="devices" />
          <SegmentedControl
            aria-label="How far back"
            value={length}
            data={[
              { value: 'all', label: 'All' },
              { value: '30d', label: '30 days' },
              { value: '7d', label: '7 days' },
              { value: '24h', label: '24 h' },
            ]}
            onChange={setLength}
          />
          <ZoneSwitch />
        </>
      }
    >
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must scroll by the keyboard too. */}
      <section className={classes.page} aria-label="Devices" data-list="" tabIndex={0}>
        {answer.isPending ? <Loader size="sm" /> : null}
        {answer.error ? (
          <ErrorPanel error={asLatchkeyError(answer.error)} onRetry={() => void answer.refetch()} />
        ) : null}
        {answer.data && !span ? (
          <EmptyState icon="audit" title="No entries yet">
            No device has made an entry in the organization’s log, as far as this device has seen it.
          </EmptyState>
        ) : null}
        {span ? (
          <>
            <Legend />
            {lanes.map((lane) => (
              <DeviceLane
                key={lane.device.id}
                lane={lane}
                span={span}
                now={now}
                findings={findingsOf(lane, findings)}
              />
            ))}
            <div className={classes.axis} aria-hidden="true">
              <Stamp at={new Date(span.from).toISOString()} />
              <Stamp at={new Date(span.to).toISOString()} />
            </div>
          </>
        ) : null}
        {answer.data && answer.data.looked < answer.data.size ? (
          <p className={classes.soft}>
            Drawn are the newest {count(answer.data.looked)} of {count(answer.data.size)} entries of the log.
          </p>
        ) : null}
      </section>
    </Screen>
  );
}

const forks: IntegrityFinding['kind'][] = ['split-view', 'device-log-differs', 'own-log-forked'];

/** Two histories of a device, and entries that it did not sign. */
function findingsOf({ device }: Lane, findings: readonly IntegrityFinding[]): IntegrityFinding[] {
  return findings.filter(({ kind, details, place }) => {
    if (!forks.includes(kind)) return false;
    return details.device === device.id || place.includes(device.id);
  });
}

function Legend() {
  return (
    <ul className={classes.legend} aria-label="Marks">
      <li>
        <span className={classes.mark} data-tone="good" /> entry, applied
      </li>
      <li>
        <span className={classes.mark} data-tone="info" /> merged
      </li>
      <li>
        <span className={classes.mark} data-tone="bad" /> conflict or refused
      </li>
      <li>
        <span className={classes.mark} data-tone="plain" /> no answer yet
      </li>
      <li>
        <span className={classes.sampleOffline} /> waited to be sent
      </li>
      <li>
        <span className={classes.samplePush} /> taken by central
      </li>
    </ul>
  );
}
