import { Switch } from '@mantine/core';
import { useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { useCommand } from '../../calls/use-command.ts';
import { useNotices } from '../../notices/notices.ts';

/** The operator's own choice not to talk to central, as opposed to central being out of reach. */
export function OfflineSwitch({ workOffline }: { workOffline: boolean }) {
  const cache = useQueryClient();
  const show = useNotices((notices) => notices.show);
  const command = useCommand('sync.set-offline');
  /** Where the switch was put, until the host has answered. */
  const [wanted, setWanted] = useState<boolean | null>(null);

  function put(to: boolean): void {
    setWanted(to);
    command.mutate(
      { workOffline: to },
      {
        onSuccess: (status) => cache.setQueryData(['status.get', {}], status),
        onError: (error) => show({ text: error.message, tone: 'bad' }),
        onSettled: () => setWanted(null),
      },
    );
  }
  return (
    <Switch
      label="Work offline"
      checked={wanted ?? workOffline}
      onChange={(event) => put(event.currentTarget.checked)}
    />
  );
}
