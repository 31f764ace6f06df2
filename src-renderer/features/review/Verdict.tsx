import type { Report } from '../../../src-main/verifier/verify.mjs';
import { CopyButton } from '../../ui/CopyButton.tsx';
import { count } from '../../words/quantities.ts';
import classes from './Review.module.css';
import { checkedWords, verdictWords } from './verdict-words.ts';

/** The verdict, what was checked, what is not proven, and whose entries they are. */
export function Verdict({ report, text }: { report: Report; text: string }) {
  const verdict = verdictWords(report);
  return (
    <section className={classes.verdict} data-tone={verdict.tone} aria-label="Verdict" aria-live="polite">
      <h2>{verdict.label}</h2>
      <p>{verdict.meaning}</p>
      {report.findings.map((finding) => (
        <div key={`${finding.code} ${finding.where} ${finding.index}`} className={classes.finding}>
          <p>
            <strong>{finding.meaning}</strong> <code>{finding.code}</code>
          </p>
          <dl>
            <Part name="In" value={finding.where} />
            <Part name="First at" value={finding.index} />
            <Part name="Expected" value={finding.expected} />
            <Part name="Found" value={finding.found} />
          </dl>
        </div>
      ))}
      <div className={classes.columns}>
        <Lines title="What was checked" lines={checkedWords(report)} />
        <Lines title="What is not proven" lines={report.notProven} />
      </div>
      {report.devices.length > 0 ? <Devices report={report} /> : null}
      <CopyButton text={text} label="Copy the report" />
    </section>
  );
}

function Part({ name, value }: { name: string; value: string | number | null }) {
  if (value === null) return null;
  return (
    <div>
      <dt>{name}</dt>
      <dd>
        <code>{value}</code>
      </dd>
    </div>
  );
}

function Lines({ title, lines }: { title: string; lines: string[] }) {
  if (lines.length === 0) return null;
  return (
    <section aria-label={title}>
      <h3>{title}</h3>
      <ul>
        {lines.map((line) => (
          <li key={line}>{line}</li>
        ))}
      </ul>
    </section>
  );
}

function Devices({ report }: { report: Report }) {
  return (
    <details>
      <summary>Devices ({count(report.devices.length)})</summary>
      <ul>
        {report.devices.map(({ id, entries, signedTo, revokedAt }) => (
          <li key={id}>
            <code>{id}</code>: {count(entries)} entries
            {signedTo === null ? '' : `, signed up to ${count(signedTo)}`}
            {revokedAt === null ? '' : `, revoked under #${count(revokedAt)}`}
          </li>
        ))}
      </ul>
    </details>
  );
}
