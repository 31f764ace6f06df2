import { asLatchkeyError } from '../../calls/cache.ts';
import { useCall } from '../../calls/use-call.ts';
import { ErrorPanel } from '../../ui/ErrorPanel.tsx';
import { Shell } from '../Shell.tsx';
import { Door } from './Door.tsx';
import { JoinForm } from './JoinForm.tsx';
import { UnlockForm } from './UnlockForm.tsx';

/** Lets in whoever the device lets in: join, unlock, or the window itself. */
export function Gate() {
  const device = useCall('device.state', {});
  if (device.data?.state === 'unlocked') return <Shell device={device.data} />;
  if (device.data?.state === 'locked') return <UnlockForm />;
  if (device.data?.state === 'not-enrolled') return <JoinForm />;
  if (!device.error) return null;
  return (
    <Door title="Latchkey does not answer">
      <ErrorPanel error={asLatchkeyError(device.error)} onRetry={() => void device.refetch()} />
    </Door>
  );
}
