import { useState } from 'react';
import { asLatchkeyError } from '../../calls/cache.ts';
import { useCall } from '../../calls/use-call.ts';
import { ReviewPage } from '../../features/review/ReviewPage.tsx';
import { ErrorPanel } from '../../ui/ErrorPanel.tsx';
import { Mark } from '../Mark.tsx';
import { Shell } from '../Shell.tsx';
import { Door } from './Door.tsx';
import { JoinForm } from './JoinForm.tsx';
import { UnlockForm } from './UnlockForm.tsx';

/** Lets in whoever the device lets in: join, unlock, or the window itself. An export can be reviewed by anybody. */
export function Gate() {
  const device = useCall('device.state', {});
  const [reviews, setReviews] = useState(false);
  if (device.data?.state === 'unlocked') return <Shell device={device.data} />;
  if (device.data && reviews) return <ReviewPage mark={<Mark size={24} />} onLeave={() => setReviews(false)} />;
  const review = () => setReviews(true);
  if (device.data?.state === 'locked') return <UnlockForm onReview={review} />;
  if (device.data?.state === 'not-enrolled') return <JoinForm onReview={review} />;
  if (!device.error) return null;
  return (
    <Door title="Latchkey does not answer">
      <ErrorPanel error={asLatchkeyError(device.error)} onRetry={() => void device.refetch()} />
    </Door>
  );
}
