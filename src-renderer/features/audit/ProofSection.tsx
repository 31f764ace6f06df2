import { Loader } from '@mantine/core';
import type { ReactNode } from 'react';
import type { Output } from '../../../src-main/contract/index.ts';
import { asLatchkeyError } from '../../calls/cache.ts';
import { useCall } from '../../calls/use-call.ts';
import { ErrorPanel } from '../../ui/ErrorPanel.tsx';
import { Icon } from '../../ui/icons/Icon.tsx';
import { Nothing, Section } from '../../ui/Section.tsx';
import { absoluteWords, milliseconds } from '../../words/moments.ts';
import { count, counted } from '../../words/quantities.ts';
import classes from './Audit.module.css';
import { deviceWords } from './audit-words.ts';
import { RawText } from './RawText.tsx';

/** What the log proves of an entry, verified on this device as it is shown. */
export function ProofSection({ command, entry }: { command: string; entry: string | null }) {
  const answer = useCall('audit.proof', { command });
  const proof = answer.data;
  if (answer.error) return <ErrorPanel error={asLatchkeyError(answer.error)} onRetry={() => void answer.refetch()} />;
  if (!proof) return <Loader size="sm" />;
  if (!proof.entry)
    return (
      <Section title="Proof">
        <Nothing>The log on this device has no entry of this command: nothing is proven of it here.</Nothing>
        <RawText title="Entry, byte for byte" text={entry} />
      </Section>
    );
  return (
    <>
      <Section title="Proof">
        <ul className={classes.proofs}>
          <Interval proof={proof} />
          <Place proof={proof} />
          <Signed proof={proof} />
          {proof.entry.undisclosed > 0 ? (
            <Line tone="plain">
              {counted(proof.entry.undisclosed, 'value')} it commits to are not here: erased, or not for this device.
            </Line>
          ) : null}
        </ul>
      </Section>
      <RawText title="Entry, byte for byte" text={proof.entry.text} />
      <RawText title="Inclusion proof" text={proof.place ? proofText(proof) : null} />
      {proof.others.map((other) => (
        <RawText
          key={other.text}
          title={`${other.device ? other.action : `Central’s ${other.action}`}${other.outcome ? `: ${other.outcome}` : ''}`}
          text={other.text}
        />
      ))}
    </>
  );
}

type Proof = Output<'audit.proof'>;

function Interval({ proof: { notBefore, notAfter } }: { proof: Proof }) {
  const [from, to] = [milliseconds(notBefore), milliseconds(notAfter)];
  if (from === null && to === null) return <Line tone="plain">Nothing tells when it was made but its own clock.</Line>;
  const words = [
    from === null ? null : `not before ${absoluteWords(from)}`,
    to === null ? null : `not after ${absoluteWords(to)}`,
  ];
  return (
    <Line tone="good">
      Made {words.filter(Boolean).join(', and ')}: by central’s clock
      {to === null ? '; it is not at central yet' : ''}.
    </Line>
  );
}

function Place({ proof: { place, entry } }: { proof: Proof }) {
  if (!place) return <Line tone="plain">Not in the organization’s log yet: only this device’s own log has it.</Line>;
  return place.holds ? (
    <Line tone="good">
      Entry #{count(entry!.index!)} of {count(place.size)} in the organization’s log;{' '}
      {counted(place.hashes.length, 'hash', 'hashes')} lead from it to the root that this device recomputed.
    </Line>
  ) : (
    <Line tone="bad">Its hashes do not lead to the root of the organization’s log: its bytes here were changed.</Line>
  );
}

function Signed({ proof: { own, signers, entry } }: { proof: Proof }) {
  const holding = signers.filter(({ holds }) => holds);
  const failing = signers.filter(({ holds }) => !holds);
  return (
    <>
      {own ? (
        <Line tone={own.covers ? 'good' : 'plain'}>
          {own.covers
            ? `Signed by its device${entry?.device ? ` (${deviceWords(entry.device)}` : ' ('}, entry ${count(entry!.seq!)} of ${count(own.signed)}).`
            : 'Its device’s signature is not at central yet.'}
        </Line>
      ) : null}
      {holding.length > 0 ? (
        <Line tone="good">
          A log with it in was signed by {holding.map(({ device }) => deviceWords(device)).join(', ')}; verified here.
        </Line>
      ) : null}
      {failing.map(({ device }) => (
        <Line key={device.id} tone="bad">
          The signature of {deviceWords(device)} does not hold for the log that this device has.
        </Line>
      ))}
    </>
  );
}

function Line({ tone, children }: { tone: 'good' | 'bad' | 'plain'; children: ReactNode }) {
  return (
    <li data-tone={tone}>
      <Icon name={tone === 'good' ? 'check' : tone === 'bad' ? 'alarm' : 'clock'} size={14} />
      <span>{children}</span>
    </li>
  );
}

/** In the order in which RFC 6962 has it; with what it takes to check it by hand. */
function proofText({ place, entry }: Proof): string {
  return [`index ${entry!.index}`, `size ${place!.size}`, `root ${place!.root}`, ...place!.hashes].join('\n');
}
