import { Loader } from '@mantine/core';
import type { Output } from '../../../src-main/contract/index.ts';
import { asLatchkeyError } from '../../calls/cache.ts';
import { useCall } from '../../calls/use-call.ts';
import { href } from '../../navigation/route.ts';
import { Drawer } from '../../ui/Drawer.tsx';
import { ErrorPanel } from '../../ui/ErrorPanel.tsx';
import { Fact, Facts } from '../../ui/Facts.tsx';
import { FieldDiff } from '../../ui/FieldDiff.tsx';
import { Nothing, Section } from '../../ui/Section.tsx';
import { StateBadge } from '../../ui/StateBadge.tsx';
import { auditSentence } from '../../words/actions.ts';
import { absoluteWords, milliseconds } from '../../words/moments.ts';
import { originWords } from './audit-words.ts';
import { CauseSection } from './CauseSection.tsx';
import { Pivots } from './Pivots.tsx';
import { ProofSection } from './ProofSection.tsx';
import { RawText } from './RawText.tsx';

export type AuditEntry = Output<'audit.show'>;

export function AuditDrawer({ id, onClose }: { id: string; onClose(): void }) {
  const shown = useCall('audit.show', { id });
  const entry = shown.data;
  if (!entry) {
    return (
      <Drawer title="Audit entry" onClose={onClose}>
        {shown.error ? (
          <ErrorPanel error={asLatchkeyError(shown.error)} onRetry={() => void shown.refetch()} />
        ) : (
          <Loader size="sm" />
        )}
      </Drawer>
    );
  }
  const origin = originWords(entry.origin);
  const at = milliseconds(entry.at);
  return (
    <Drawer title={auditSentence(entry)} mark={<StateBadge state={origin} />} onClose={onClose}>
      <Facts>
        <Fact name="When">{at === null ? entry.at || 'not recorded' : absoluteWords(at)}</Fact>
        <Fact name="Who">
          {entry.actor ? (
            <a href={href('audit', null, { actor: entry.actor.id })}>{entry.actor.name ?? entry.actor.id}</a>
          ) : (
            'not recorded'
          )}
        </Fact>
        <Fact name="What">
          <a href={href('audit', null, { action: entry.action })}>
            <code>{entry.action}</code>
          </a>
        </Fact>
        {entry.object ? (
          <Fact name="About">
            <a href={href('audit', null, { object: entry.object.key })}>{entry.object.name ?? entry.object.key}</a> in{' '}
            {entry.object.table}
          </Fact>
        ) : null}
        <Fact name="Reason">{entry.reason ?? 'none given'}</Fact>
        <Fact name="Origin">
          {origin.label}: {origin.meaning}
        </Fact>
        {entry.device ? (
          <Fact name="Device">
            <a href={href('audit', null, { device: entry.device })}>{entry.device}</a>
          </Fact>
        ) : null}
        <Fact name="Id">
          <code>{entry.id}</code>
        </Fact>
      </Facts>
      <Section title="Changes">
        {entry.changes.length > 0 ? (
          <FieldDiff changes={entry.changes} />
        ) : (
          <Nothing>No field changes recorded.</Nothing>
        )}
      </Section>
      {entry.command ? <CauseSection entry={entry} command={entry.command} /> : null}
      <Pivots entry={entry} />
      <RawText
        title="Data as stored"
        open={entry.changes.length === 0}
        text={entry.data == null ? null : JSON.stringify(entry.data, null, 2)}
      />
      {entry.command ? (
        <ProofSection command={entry.command.id} entry={entry.entry} />
      ) : (
        <Section title="Proof">
          <Nothing>
            None: another application wrote this straight into central’s table. The log attests which rows of people,
            keys, roles and sessions others changed, and not what they tell of it.
          </Nothing>
        </Section>
      )}
    </Drawer>
  );
}
