import { Button } from '@mantine/core';
import { useQueryClient } from '@tanstack/react-query';
import { useCommand } from '../../calls/use-command.ts';
import { useNotices } from '../../notices/notices.ts';
import { Icon } from '../../ui/icons/Icon.tsx';

export function SyncButton({ workOffline }: { workOffline: boolean }) {
  const cache = useQueryClient();
  const show = useNotices((notices) => notices.show);
  const sync = useCommand('sync.now');
  return (
    <Button
      variant="default"
      size="compact-xs"
      leftSection={<Icon name="sync" size={12} />}
      disabled={workOffline}
      title={workOffline ? 'You are working offline' : undefined}
      loading={sync.isPending}
      onClick={() =>
        sync.mutate(
          {},
          {
            onSuccess: (status) => cache.setQueryData(['status.get', {}], status),
            onError: (error) => show({ text: error.message, tone: 'bad' }),
          },
        )
      }
    >
      Sync now
    </Button>
  );
}
