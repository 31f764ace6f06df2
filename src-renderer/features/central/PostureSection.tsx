import type { Weakness } from '../../../src-main/contract/central.ts';
import { asLatchkeyError } from '../../calls/cache.ts';
import { useCall } from '../../calls/use-call.ts';
import { ErrorPanel } from '../../ui/ErrorPanel.tsx';
import { Moment } from '../../ui/Moment.tsx';
import { counted } from '../../words/quantities.ts';
import classes from './Central.module.css';

const tones: Record<Weakness['severity'], string> = { critical: 'bad', high: 'bad', medium: 'wait', low: 'good' };

const applyWords: Record<Weakness['apply'], string> = {
  online: 'can be mended while the host runs',
  'application-first': 'the host’s application changes first',
  'by-plan': 'mended in steps',
  'by-hand': 'mended by hand',
};

/** What a database administrator found and recorded: the window cannot look, since devices own nothing at central. */
export function PostureSection() {
  const answer = useCall('central.posture', {});
  const report = answer.data?.report;
  return (
    <section>
      <h2 className={classes.head}>Posture</h2>
      {answer.error ? <ErrorPanel error={asLatchkeyError(answer.error)} onRetry={() => void answer.refetch()} /> : null}
      {report === null ? (
        <p className={classes.soft}>
          Nobody has looked for weaknesses and recorded them yet. A database administrator does with{' '}
          <code>npx latchkey posture --record</code>.
        </p>
      ) : null}
      {report ? (
        <>
          <p className={classes.soft}>
            {report.findings.length === 0
              ? 'No weakness was found'
              : counted(report.findings.length, 'weakness', 'weaknesses')}
            , looked for <Moment at={report.ranAt} />. <code>npx latchkey posture</code> has the SQL that mends each.
          </p>
          <ul className={classes.findings}>
            {report.findings.map((finding) => (
              <li key={finding.id} data-tone={tones[finding.severity]}>
                <p>
                  <strong>{finding.title}</strong> <span className={classes.severity}>{finding.severity}</span>
                </p>
                <p>
                  <code>{finding.id}</code> {finding.detail}
                </p>
                <p className={classes.soft}>
                  {finding.why} ({applyWords[finding.apply]})
                </p>
              </li>
            ))}
          </ul>
        </>
      ) : null}
    </section>
  );
}
