import { useCall } from '../../calls/use-call.ts';
import { href } from '../../navigation/route.ts';
import { StateBadge } from '../../ui/StateBadge.tsx';
import classes from './Audit.module.css';
import { integrityStates } from './audit-words.ts';

export type AuditView = 'explorer' | 'devices' | 'integrity' | 'registers' | 'review';

const views: { view: AuditView; title: string }[] = [
  { view: 'explorer', title: 'Explorer' },
  { view: 'devices', title: 'Devices' },
  { view: 'registers', title: 'Registers' },
  { view: 'review', title: 'Review' },
  { view: 'integrity', title: 'Integrity' },
];

/** The sides of the audit, and how far its log is to be believed. */
export function AuditViews({ view }: { view: AuditView }) {
  const integrity = useCall('audit.integrity', {}).data;
  return (
    <nav className={classes.views} aria-label="Audit views">
      {views.map(({ view: name, title }) => (
        <a
          key={name}
          className={classes.view}
          href={href('audit', null, name === 'explorer' ? {} : { show: name })}
          aria-current={name === view ? 'page' : undefined}
        >
          {title}
          {name === 'integrity' && integrity ? <StateBadge state={integrityStates[integrity.state]} /> : null}
        </a>
      ))}
    </nav>
  );
}
