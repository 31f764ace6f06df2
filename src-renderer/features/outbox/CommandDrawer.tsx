import { Loader } from '@mantine/core';
import type { OutboxItem } from '../../../src-main/contract/outbox.ts';
import { asLatchkeyError } from '../../calls/cache.ts';
import { useCall } from '../../calls/use-call.ts';
import { href } from '../../navigation/route.ts';
import { Drawer } from '../../ui/Drawer.tsx';
import { ErrorPanel } from '../../ui/ErrorPanel.tsx';
import { Fact, Facts } from '../../ui/Facts.tsx';
import { FieldDiff } from '../../ui/FieldDiff.tsx';
import { Moment } from '../../ui/Moment.tsx';
import { Nothing, Section } from '../../ui/Section.tsx';
import { StateBadge } from '../../ui/StateBadge.tsx';
import { commandStateWords } from '../../words/states.ts';
import { CommandSteps } from './CommandSteps.tsx';
import classes from './Outbox.module.css';
import { UndoButton } from './UndoButton.tsx';

/** The newest commands, among which the open one is looked for. */
const newest = { limit: 1000 };

export function CommandDrawer({ command, onClose }: { command: string; onClose(): void }) {
  const commands = useCall('outbox.list', newest);
  const item = commands.data?.items.find((candidate) => candidate.command === command);
  if (item) return <Shown item={item} onClose={onClose} />;
  return (
    <Drawer title="Command" onClose={onClose}>
      {commands.error ? (
        <ErrorPanel error={asLatchkeyError(commands.error)} onRetry={() => void commands.refetch()} />
      ) : commands.data ? (
        <p>No command of this id is among the newest {newest.limit} of this device.</p>
      ) : (
        <Loader size="sm" />
      )}
    </Drawer>
  );
}

function Shown({ item, onClose }: { item: OutboxItem; onClose(): void }) {
  const waits = item.state === 'conflict' || item.state === 'refused';
  return (
    <Drawer
      title={item.summary}
      mark={<StateBadge state={commandStateWords[item.state]} />}
      actions={item.undoable ? <UndoButton item={item} /> : null}
      onClose={onClose}
    >
      {item.note ? <p className={classes.note}>{item.note}</p> : null}
      {waits ? <a href={href('outbox', null, { show: 'conflicts' })}>Resolve it under Conflicts</a> : null}
      <CommandSteps item={item} />
      <Facts>
        <Fact name="Made">
          <Moment at={item.madeAt} />
        </Fact>
        <Fact name="Reason">{item.reason ?? 'none given'}</Fact>
        <Fact name="Name">
          <code>{item.name}</code>
        </Fact>
        <Fact name="Id">
          <code>{item.command}</code>
        </Fact>
      </Facts>
      <Section title="Changes">
        {item.changes.length > 0 ? <FieldDiff changes={item.changes} /> : <Nothing>No field changes.</Nothing>}
      </Section>
    </Drawer>
  );
}
