import { Button } from '@mantine/core';
import type { ReactNode } from 'react';
import { useStatus } from '../../calls/use-device.ts';
import { EmptyState } from '../EmptyState.tsx';
import type { IconName } from '../icons/Icon.tsx';
import { ProgressWords } from '../ProgressWords.tsx';

interface NoRowsProps {
  icon: IconName;
  /** What there is none of: `people`. */
  what: string;
  /** How to come to the first one. */
  none: ReactNode;
  filtered: boolean;
  onClear(): void;
}

/** Why a list is empty: not mirrored yet, all filtered out, or none exist. */
export function NoRows({ icon, what, none, filtered, onClear }: NoRowsProps) {
  const status = useStatus();
  if (status?.lastSync === null) {
    return (
      <EmptyState icon="sync" title="Not mirrored yet">
        {status.progress ? (
          <ProgressWords progress={status.progress} />
        ) : (
          <p>This device has not copied anything from central. It will as soon as central can be reached.</p>
        )}
      </EmptyState>
    );
  }
  if (filtered) {
    return (
      <EmptyState
        icon="search"
        title="Nothing matches"
        action={
          <Button variant="default" onClick={onClear}>
            Clear search and filters
          </Button>
        }
      >
        There are {what}, and the search or a filter leaves all of them out.
      </EmptyState>
    );
  }
  return (
    <EmptyState icon={icon} title={`No ${what}`}>
      {none}
    </EmptyState>
  );
}
