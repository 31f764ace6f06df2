import { Button, Textarea } from '@mantine/core';
import { useMemo, useState } from 'react';
import { wholeList } from '../../calls/whole-list.ts';
import { EmptyState } from '../../ui/EmptyState.tsx';
import { SearchField } from '../../ui/SearchField.tsx';
import { DataTable } from '../../ui/table/DataTable.tsx';
import { count, counted } from '../../words/quantities.ts';
import { BundleField } from './BundleField.tsx';
import classes from './Review.module.css';
import { ReviewedDrawer } from './ReviewedDrawer.tsx';
import { reviewedColumns } from './reviewed-columns.tsx';
import { matchesWords, type ReviewedEntry } from './reviewed-entry.ts';
import { type Review as Reviewed, useReview } from './use-review.ts';
import { Verdict } from './Verdict.tsx';

/** Everything is here already: there is nothing to fetch. */
const nowhere = () => {};

/** An export bundle, verified in this window and looked through: no database, no login, no network. */
export function Review() {
  const { review, start } = useReview();
  const [trust, setTrust] = useState('');
  const [checkpoint, setCheckpoint] = useState('');
  const verify = (file: File) =>
    start({ file, trust, checkpoint: checkpoint.trim() === '' ? null : `${checkpoint.trimEnd()}\n` });
  return (
    <div className={classes.review}>
      <section className={classes.ask} aria-label="What to review">
        <BundleField file={review?.file ?? null} onFile={verify} />
        <div className={classes.columns}>
          <Textarea
            label="Trusted keys"
            description="One verifier key a line, from a device of the organization and not from the bundle: Integrity has it, and latchkey audit checkpoint prints it."
            autosize
            minRows={1}
            maxRows={6}
            spellCheck={false}
            value={trust}
            onChange={(event) => setTrust(event.currentTarget.value)}
          />
          <Textarea
            label="A checkpoint that you hold"
            description="Optional. Proves that the bundle is not older than it, and the same log."
            autosize
            minRows={1}
            maxRows={6}
            spellCheck={false}
            value={checkpoint}
            onChange={(event) => setCheckpoint(event.currentTarget.value)}
          />
        </div>
        {review ? (
          <Button variant="default" loading={review.progress !== null} onClick={() => verify(review.file)}>
            Verify again
          </Button>
        ) : null}
      </section>
      {review?.progress != null ? (
        <p role="status" className={classes.soft}>
          Verifying: {Math.round(review.progress * 100)} % read
        </p>
      ) : null}
      {review?.refusal ? (
        <p role="alert" className={classes.refusal}>
          {review.refusal} Nothing was verified.
        </p>
      ) : null}
      {review?.report ? (
        <>
          <Verdict report={review.report} text={review.text} />
          <Entries key={review.text} review={review} />
        </>
      ) : null}
    </div>
  );
}

function Entries({ review }: { review: Reviewed }) {
  const { entries, dropped } = review;
  const [search, setSearch] = useState('');
  const [openId, setOpenId] = useState<string | null>(null);
  const found = useMemo(() => {
    const matching = search === '' ? [...entries] : entries.filter((entry) => matchesWords(entry, search));
    return matching.reverse();
  }, [entries, search]);
  const open = found.find(({ id }) => id === openId) ?? null;
  return (
    <section className={classes.entries} aria-label="Entries">
      <div className={classes.tools}>
        <h2>{counted(found.length, 'entry', 'entries')}</h2>
        <SearchField label="Search the bundle" value={search} onChange={setSearch} />
        {dropped > 0 ? (
          <p className={classes.soft}>The newest are listed; {count(dropped)} older ones were verified as well.</p>
        ) : null}
      </div>
      <div className={classes.body}>
        <div className={classes.list}>
          <DataTable<ReviewedEntry>
            label="Entries of the bundle"
            columns={reviewedColumns}
            list={wholeList(found, null, nowhere)}
            idOf={({ id }) => id}
            openId={openId}
            onOpen={({ id }) => setOpenId(id)}
            onWalk={({ id }) => setOpenId(id)}
            onView={nowhere}
            listKey={search}
            least={760}
            empty={
              <EmptyState icon="search" title={entries.length === 0 ? 'Nothing to show' : 'Nothing matches'}>
                {entries.length === 0
                  ? 'No entry of this bundle could be read, or its filter asks for none.'
                  : 'The search leaves all entries out.'}
              </EmptyState>
            }
          />
        </div>
        {open ? <ReviewedDrawer key={open.id} entry={open} onClose={() => setOpenId(null)} /> : null}
      </div>
    </section>
  );
}
