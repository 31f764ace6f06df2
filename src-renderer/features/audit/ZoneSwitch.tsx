import { SegmentedControl } from '@mantine/core';
import { useZone } from './zone.ts';

export function ZoneSwitch() {
  const { zone, set } = useZone();
  return (
    <SegmentedControl
      aria-label="Time zone of what is shown"
      value={zone}
      data={[
        { value: 'UTC', label: 'UTC' },
        { value: 'local', label: 'Local' },
      ]}
      onChange={(value) => set(value === 'local' ? 'local' : 'UTC')}
    />
  );
}
