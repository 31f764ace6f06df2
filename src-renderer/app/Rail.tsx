import type { DeviceState } from '../../src-main/contract/device.ts';
import { useStatus } from '../calls/use-device.ts';
import { href, type Place, places } from '../navigation/route.ts';
import { Icon, type IconName } from '../ui/icons/Icon.tsx';
import { count } from '../words/quantities.ts';
import { useCheatSheet } from './keyboard/cheat-sheet-state.ts';
import { Mark } from './Mark.tsx';
import { placeWords } from './place-words.ts';
import classes from './Shell.module.css';

const icons: Record<Place, IconName> = {
  people: 'people',
  keys: 'key',
  outbox: 'outbox',
  audit: 'audit',
  data: 'data',
  central: 'server',
};

const capabilities = {
  admin: 'Administrator’s device',
  operator: 'Operator’s device',
  auditor: 'Auditor’s device: reads only',
};

/** The places of the window, and whose it is. */
export function Rail({ device, place }: { device: DeviceState; place: Place }) {
  const setSheet = useCheatSheet((sheet) => sheet.set);
  const hidden: (Place | null)[] = [
    device.system?.lacks.keys === undefined ? null : 'keys',
    device.capability === 'admin' ? null : 'central',
  ];
  return (
    <aside className={classes.rail} aria-label="Latchkey">
      <div className={classes.house}>
        <Mark size={24} />
        <div>
          <p className={classes.organization} title={device.organization?.name}>
            {device.organization?.name}
          </p>
          <p className={classes.system}>{device.system?.title}</p>
        </div>
      </div>
      <nav className={classes.places} aria-label="Places">
        {places
          .filter((name) => !hidden.includes(name))
          .map((name) => (
            <a
              key={name}
              className={classes.place}
              href={href(name)}
              title={placeWords[name]}
              aria-current={name === place ? 'page' : undefined}
            >
              <Icon name={icons[name]} />
              <span className={classes.label}>{placeWords[name]}</span>
              {name === 'outbox' ? <Waiting /> : null}
              {name === 'audit' ? <Findings /> : null}
            </a>
          ))}
      </nav>
      <div className={classes.operator}>
        <p title={device.operator?.email}>{device.operator?.name}</p>
        <p>{device.capability ? capabilities[device.capability] : null}</p>
      </div>
      <div className={classes.bottom}>
        <button type="button" className={classes.place} title="Keyboard (?)" onClick={() => setSheet(true)}>
          <Icon name="keyboard" />
          <span className={classes.label}>Keyboard</span>
        </button>
      </div>
    </aside>
  );
}

/** What in the outbox waits: for a person before anything else, or for central. The status bar says the same in words. */
function Waiting() {
  const status = useStatus();
  if (!status) return null;
  const forPeople = status.conflicts + status.inQuarantine;
  if (forPeople + status.pending === 0) return null;
  return (
    <span className={classes.number} data-tone={forPeople > 0 ? 'bad' : 'wait'} aria-hidden="true">
      {count(forPeople > 0 ? forPeople : status.pending)}
    </span>
  );
}

/** What was found of the logs that should not be. */
function Findings() {
  const findings = useStatus()?.findings ?? 0;
  if (findings === 0) return null;
  return (
    <span className={classes.number} data-tone="bad">
      {count(findings)}
      <span className={classes.unseen}> {findings === 1 ? 'finding' : 'findings'}</span>
    </span>
  );
}
