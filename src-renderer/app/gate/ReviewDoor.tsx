import { Button } from '@mantine/core';

/** The door that needs no key: an export is verified without a database and without a login. */
export function ReviewDoor({ onReview }: { onReview(): void }) {
  return (
    <Button variant="subtle" onClick={onReview}>
      Review an export…
    </Button>
  );
}
