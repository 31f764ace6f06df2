import { Switch } from '@mantine/core';
import { useQueryClient } from '@tanstack/react-query';
import { useCommand } from '../../calls/use-command.ts';
import { useNotices } from '../../notices/notices.ts';

/** The operator's own choice not to talk to central, as opposed to central being out of reach. */
export function OfflineSwitch({ workOffline }: { workOffline: boolean }) {
  const cache = useQueryClient();
  const show = useNotices((notices) => notices.show);
  const command = useCommand('sync.set-offline');
  return (
    <Switch
      label="Work offline"
      checked={command.isPending ? command.variables.workOffline : workOffline}
      onChange={(event) =>
        command.mutate(
          { workOffline: event.currentTarget.checked },
          {
            onSuccess: (status) => cache.setQueryData(['status.get', {}], status),
            onError: (error) => show({ text: error.message, tone: 'bad' }),
          },
        )
      }
    />
  );
}
