import type { Report } from '../../../src-main/verifier/verify.mjs';
import { count, counted } from '../../words/quantities.ts';
import type { StateWords } from '../../words/states.ts';

/** The verdict as a badge: its words are the verifier's own. */
export function verdictWords(report: Report): StateWords {
  const label = report.level && report.verdict === 'VERIFIED' ? `VERIFIED (${report.level})` : report.verdict;
  return { label, ...meanings[report.verdict] };
}

const meanings: Record<Report['verdict'], Pick<StateWords, 'tone' | 'meaning'>> = {
  VERIFIED: {
    tone: 'good',
    meaning: 'Every entry is as it was signed, none is missing in its range, and you trust a key that vouches for it.',
  },
  TAMPERED: { tone: 'bad', meaning: 'Something in this bundle is not as it was signed. Do not rely on it.' },
  INCOMPLETE: { tone: 'wait', meaning: 'Something that it takes to verify the bundle is not there.' },
  'UNTRUSTED KEY': {
    tone: 'wait',
    meaning:
      'What it says of itself agrees, and nobody whom you trust vouches for it: whoever made it could have made all of it up.',
  },
  UNSUPPORTED: { tone: 'wait', meaning: 'This verifier cannot judge the bundle.' },
};

/** What was looked at, line by line. */
export function checkedWords(report: Report): string[] {
  const { entries, range, signers = [], tail, filter, erasedEntries = 0, forks } = report;
  return [
    `${count(entries.checked)} of ${counted(entries.claimed, 'entry', 'entries')} checked.`,
    ...(report.organization
      ? [`Organization ${report.organization}, exported ${report.exported} by device ${report.device}.`]
      : []),
    ...(range
      ? [
          `Central log: entries ${count(range.first)} to ${count(range.last)} of ${count(range.size)}.`,
          `Its checkpoint is signed by ${signers.length > 0 ? signers.join(', ') : 'nobody known'}.`,
        ]
      : []),
    ...(tail > 0 ? [`${counted(tail, 'entry', 'entries')} at the end were seen by the exporting device alone.`] : []),
    ...(filter ? [filterWords(filter)] : []),
    ...(erasedEntries > 0
      ? [`Of ${counted(erasedEntries, 'entry', 'entries')} something was erased, as the log says itself.`]
      : []),
    ...forks.map(
      ({ device, size, index }) => `Fork: device ${device} at ${count(size)} of its entries, told by #${count(index)}.`,
    ),
  ];
}

function filterWords({ matched, complete, ...asked }: NonNullable<Report['filter']>): string {
  const filter = Object.keys(asked).length === 0 ? 'No filter' : `Filter ${JSON.stringify(asked)}`;
  return `${filter}: ${counted(matched, 'entry matches', 'entries match')}; ${complete ? 'none was left out' : 'whether one was left out is not proven'}.`;
}
