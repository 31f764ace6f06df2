import { Button } from '@mantine/core';
import { useQueryClient } from '@tanstack/react-query';
import { takeDevice } from '../../calls/follow-events.ts';
import { useCommand } from '../../calls/use-command.ts';
import { useNotices } from '../../notices/notices.ts';
import { Icon } from '../../ui/icons/Icon.tsx';

/** Closes the mirror and drops its key. The window starts afresh, so nothing stays in it. */
export function LockButton() {
  const cache = useQueryClient();
  const show = useNotices((notices) => notices.show);
  const lock = useCommand('device.lock');
  return (
    <Button
      variant="default"
      size="compact-xs"
      leftSection={<Icon name="lock" size={12} />}
      loading={lock.isPending}
      onClick={() =>
        lock.mutate(
          {},
          {
            onSuccess: (device) => takeDevice(cache, device),
            onError: (error) => show({ text: error.message, tone: 'bad' }),
          },
        )
      }
    >
      Lock
    </Button>
  );
}
