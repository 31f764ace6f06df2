import { useId } from 'react';
import type { IntegrityFinding } from '../../../src-main/contract/integrity.ts';
import type { Lane } from '../../../src-main/contract/log.ts';
import { href } from '../../navigation/route.ts';
import { StateBadge } from '../../ui/StateBadge.tsx';
import { counted } from '../../words/quantities.ts';
import { deviceWords } from './audit-words.ts';
import classes from './Lanes.module.css';
import { drawingOf, type Span } from './lanes.ts';
import { Stamp } from './Stamp.tsx';

interface DeviceLaneProps {
  lane: Lane;
  span: Span;
  now: number;
  /** Forks and other things that were found of this device. */
  findings: IntegrityFinding[];
}

/** How many remarks are told before the others are folded away. */
const few = 3;

/** One device over time: its entries by its own clock, and when central took them by central's. */
export function DeviceLane({ lane, span, now, findings }: DeviceLaneProps) {
  const titleId = useId();
  const drawing = drawingOf(lane, span, now);
  const shown = drawing.remarks.slice(0, few);
  const rest = drawing.remarks.slice(few);
  return (
    <article className={classes.lane} aria-labelledby={titleId}>
      <header>
        <h2 id={titleId}>{deviceWords(lane.device)}</h2>
        {lane.revokedAt ? (
          <StateBadge state={{ label: 'Revoked', tone: 'bad', meaning: 'May not send any more.' }} />
        ) : null}
        {findings.some(({ acknowledged }) => acknowledged === null) ? (
          <StateBadge state={{ label: 'Fork', tone: 'bad', meaning: 'Two histories were found.' }} />
        ) : null}
        <p>
          {counted(lane.entries.length, 'entry', 'entries')}, {counted(lane.pushes.length, 'push', 'pushes')}
          {lane.joinedAt ? (
            <>
              ; joined <Stamp at={lane.joinedAt} />
            </>
          ) : null}
        </p>
      </header>
      <svg className={classes.track} viewBox="0 0 1000 40" preserveAspectRatio="none" aria-hidden="true">
        <line className={classes.line} x1="0" y1="20" x2="1000" y2="20" />
        {drawing.offline.map((gap) => (
          <rect
            key={`${gap.from} ${gap.to}`}
            className={classes.offline}
            x={gap.from * 1000}
            y="13"
            width={Math.max(1, (gap.to - gap.from) * 1000)}
            height="14"
          >
            <title>{gap.words}</title>
          </rect>
        ))}
        {drawing.pushes.map((at) => (
          <rect key={at} className={classes.push} x={at * 1000 - 0.75} y="30" width="1.5" height="10" />
        ))}
        {drawing.marks.map((mark) => (
          <rect
            key={mark.at}
            className={classes.entry}
            data-tone={mark.tone}
            x={mark.at * 1000 - 1.2}
            y="6"
            width="2.4"
            height="28"
          >
            <title>{counted(mark.entries, 'entry', 'entries')}</title>
          </rect>
        ))}
      </svg>
      {findings.map((finding) => (
        <p key={finding.finding} className={classes.remark} data-tone="bad">
          {finding.title}. <a href={href('audit', null, { show: 'integrity' })}>In Integrity</a>
        </p>
      ))}
      {shown.map((remark) => (
        <Told key={`${remark.at} ${remark.words}`} at={remark.at} tone={remark.tone} words={remark.words} />
      ))}
      {rest.length > 0 ? (
        <details className={classes.more}>
          <summary>{counted(rest.length, 'more remark')}</summary>
          {rest.slice(0, 200).map((remark) => (
            <Told key={`${remark.at} ${remark.words}`} at={remark.at} tone={remark.tone} words={remark.words} />
          ))}
        </details>
      ) : null}
    </article>
  );
}

function Told({ at, tone, words }: { at: number | null; tone: string; words: string }) {
  return (
    <p className={classes.remark} data-tone={tone}>
      {at === null ? null : (
        <span className={classes.when}>
          <Stamp at={new Date(at).toISOString()} />
        </span>
      )}
      {words}
    </p>
  );
}
