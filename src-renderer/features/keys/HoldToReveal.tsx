import { Button } from '@mantine/core';
import type { KeyboardEvent } from 'react';
import { Icon } from '../../ui/icons/Icon.tsx';

/** Reveals for as long as it is held, by pointer, Space or Enter. */
export function HoldToReveal({ onHold, onRelease }: { onHold(): void; onRelease(): void }) {
  function down(event: KeyboardEvent): void {
    if ((event.key === ' ' || event.key === 'Enter') && !event.repeat) onHold();
  }
  return (
    <Button
      variant="default"
      leftSection={<Icon name="eye" size={14} />}
      onPointerDown={onHold}
      onPointerUp={onRelease}
      onPointerLeave={onRelease}
      onPointerCancel={onRelease}
      onKeyDown={down}
      onKeyUp={onRelease}
      onBlur={onRelease}
    >
      Hold to reveal
    </Button>
  );
}
