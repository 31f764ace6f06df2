import type { Status } from '../../../src-main/contract/device.ts';
import { Icon, type IconName } from '../../ui/icons/Icon.tsx';
import { type ModeMark, modeWords } from '../../words/states.ts';
import classes from './StatusBar.module.css';

const icons: Record<ModeMark, IconName> = { still: 'check', busy: 'sync', off: 'offline', alarm: 'alarm' };

export function ModeIndicator({ status }: { status: Status }) {
  const { label, tone, mark } = modeWords(status);
  return (
    <span className={classes.mode} data-tone={tone} data-mark={mark}>
      <Icon name={icons[mark]} size={14} />
      {label}
    </span>
  );
}
