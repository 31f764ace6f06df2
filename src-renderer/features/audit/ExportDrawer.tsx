import { Button, Progress } from '@mantine/core';
import { useState } from 'react';
import type { LatchkeyError } from '../../../src-main/contract/errors.ts';
import type { Output } from '../../../src-main/contract/index.ts';
import { asLatchkeyError } from '../../calls/cache.ts';
import { useClient } from '../../calls/client-context.ts';
import { useCommand } from '../../calls/use-command.ts';
import { useDevice } from '../../calls/use-device.ts';
import type { FilterOf } from '../../calls/use-paged-list.ts';
import { href } from '../../navigation/route.ts';
import { CopyButton } from '../../ui/CopyButton.tsx';
import { Drawer } from '../../ui/Drawer.tsx';
import { ErrorPanel } from '../../ui/ErrorPanel.tsx';
import { Fact, Facts } from '../../ui/Facts.tsx';
import { Section } from '../../ui/Section.tsx';
import { bytes, count, counted } from '../../words/quantities.ts';
import classes from './Audit.module.css';
import type { Chip } from './audit-filter.ts';
import { exportName, fetchExport, saveAs } from './save-export.ts';

type Made = Output<'audit.export'>;

interface ExportDrawerProps {
  filter: FilterOf<'audit.list'>;
  chips: Chip[];
  onClose(): void;
}

/** What a bundle can be narrowed down by: what entries say in the clear, so that a verifier can tell that none was left out. */
const carried = ['actor', 'action', 'object', 'from', 'to'];

/** Exports what the list is filtered by. */
export function ExportDrawer({ filter, chips, onClose }: ExportDrawerProps) {
  const client = useClient();
  const organization = useDevice()?.organization?.name ?? '';
  const make = useCommand('audit.export');
  const [fetched, setFetched] = useState<number | null>(null);
  const [failure, setFailure] = useState<LatchkeyError | null>(null);
  const [saved, setSaved] = useState<{ made: Made; name: string } | null>(null);
  const { actor, action, object, from, to } = filter;

  async function run(): Promise<void> {
    setFailure(null);
    setSaved(null);
    try {
      const made = await make.mutateAsync({ actor, action, object, from, to });
      setFetched(0);
      const file = await fetchExport(client, made, setFetched);
      const name = exportName(organization, Date.now());
      saveAs(file, name);
      setSaved({ made, name });
    } catch (error) {
      setFailure(asLatchkeyError(error));
    } finally {
      setFetched(null);
    }
  }

  const within = chips.filter(({ filters }) => filters.every((name) => carried.includes(name)));
  const beyond = chips.filter((chip) => !within.includes(chip));
  const busy = make.isPending || fetched !== null;
  return (
    <Drawer title="Export" subtitle="The filter of the list is the filter of the export." onClose={onClose}>
      <Section title="What it shows">
        <div className={classes.told}>
          <p>
            {within.length === 0
              ? 'Every entry of the log, with all that is disclosed of it.'
              : `Of every entry its bytes, and of these what they disclose: ${within.map(({ words }) => words).join('; ')}.`}
          </p>
          {beyond.length > 0 ? (
            <p className={classes.soft}>
              Not part of it: {beyond.map(({ words }) => words).join('; ')}. Nobody could tell from the entries alone
              that none was left out.
            </p>
          ) : null}
          <p className={classes.soft}>
            What other applications wrote into central’s audit table is listed here and is in no log: an export proves
            nothing of it and does not hold it.
          </p>
        </div>
      </Section>
      <Section title="What comes of it">
        <p>
          One file (.lkx.zip) that anybody can verify without Latchkey. It holds names, addresses and values in the
          clear. That you export is an entry in the log itself, and stands in the register of exports.
        </p>
      </Section>
      {failure ? <ErrorPanel error={failure} /> : null}
      {busy ? (
        <div role="status">
          <p>{fetched === null ? 'Making the bundle…' : 'Fetching it…'}</p>
          <Progress
            size="sm"
            animated={fetched === null}
            aria-label="Export"
            value={fetched === null || !make.data ? 100 : (100 * fetched) / Math.max(1, make.data.bytes)}
          />
        </div>
      ) : null}
      {saved ? <Report made={saved.made} name={saved.name} /> : null}
      <div>
        <Button loading={busy} onClick={() => void run()}>
          {saved ? 'Export again' : 'Export'}
        </Button>
      </div>
    </Drawer>
  );
}

function Report({ made, name }: { made: Made; name: string }) {
  return (
    <Section title="Exported">
      <Facts>
        <Fact name="File">
          {name}, {bytes(made.bytes)}
        </Fact>
        <Fact name="Entries">
          {count(made.entries)} of the organization’s log
          {made.tail > 0 ? `, and ${count(made.tail)} of this device’s own that central has not seen` : ''}
        </Fact>
        <Fact name="Shown">
          {counted(made.matched, 'entry', 'entries')}
          {made.undisclosed > 0
            ? `; ${count(made.undisclosed)} of them commit to something that this device was never told`
            : ''}
        </Fact>
        <Fact name="Named by">
          <code title={made.sums}>{made.sums.slice(0, 16)}…</code>{' '}
          <CopyButton text={made.sums} label="Copy the hash that names the bundle" />
        </Fact>
      </Facts>
      <p className={classes.inText}>
        <a href={href('audit', null, { show: 'review' })}>Review it</a> here, or hand it on with a verifier key from{' '}
        <a href={href('audit', null, { show: 'integrity' })}>Integrity</a>.
      </p>
    </Section>
  );
}
