import { CopyButton } from '../../ui/CopyButton.tsx';
import { Drawer } from '../../ui/Drawer.tsx';
import { Fact, Facts } from '../../ui/Facts.tsx';
import { FieldDiff } from '../../ui/FieldDiff.tsx';
import { Nothing, Section } from '../../ui/Section.tsx';
import { absoluteWords, milliseconds } from '../../words/moments.ts';
import classes from './Review.module.css';
import type { ReviewedEntry } from './reviewed-entry.ts';

/** One entry of a bundle, with what it discloses. */
export function ReviewedDrawer({ entry, onClose }: { entry: ReviewedEntry; onClose(): void }) {
  const at = milliseconds(entry.at);
  return (
    <Drawer title={entry.sentence} onClose={onClose}>
      <Facts>
        <Fact name="When">{at === null ? entry.at : absoluteWords(at)}</Fact>
        <Fact name="Who">{entry.actor ?? (entry.device === 'central' ? 'central' : 'not disclosed')}</Fact>
        <Fact name="What">
          <code>{entry.action}</code>
        </Fact>
        {entry.object ? <Fact name="About">{entry.object}</Fact> : null}
        <Fact name="Reason">{entry.reason ?? 'none given'}</Fact>
        {entry.outcome ? <Fact name="Outcome">{entry.outcome}</Fact> : null}
        <Fact name="Device">
          <code>{entry.device}</code>
        </Fact>
        <Fact name="Entry">{entry.index === null ? 'not in the central log yet' : `#${entry.index}`}</Fact>
        {entry.erased.length > 0 ? (
          <Fact name="Erased">under {entry.erased.map((index) => `#${index}`).join(', ')}</Fact>
        ) : null}
      </Facts>
      <Section title="Changes">
        {entry.changes.length > 0 ? <FieldDiff changes={entry.changes} /> : <Nothing>None are disclosed.</Nothing>}
      </Section>
      <Section title="Entry, byte for byte" aside={<CopyButton text={entry.text} label="Copy the entry" />}>
        <pre className={classes.raw}>{entry.text}</pre>
      </Section>
    </Drawer>
  );
}
