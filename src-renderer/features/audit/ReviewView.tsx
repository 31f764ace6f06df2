import { Screen } from '../../ui/Screen.tsx';
import { Review } from '../review/Review.tsx';
import { AuditViews } from './AuditViews.tsx';

/** An export of any organization, looked through beside the log of this one. */
export function ReviewView() {
  return (
    <Screen title="Audit" tools={<AuditViews view="review" />}>
      <Review />
    </Screen>
  );
}
