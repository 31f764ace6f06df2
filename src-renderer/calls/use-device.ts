import { useCallback } from 'react';
import type { DeviceState, Status, SystemCapability } from '../../src-main/contract/device.ts';
import { useCall } from './use-call.ts';

export function useDevice(): DeviceState | undefined {
  return useCall('device.state', {}).data;
}

export function useStatus(): Status | undefined {
  return useCall('status.get', {}).data;
}

/** False for an auditor's device, whose window shows no way to change anything. */
export function useMayWrite(): boolean {
  const capability = useDevice()?.capability;
  return capability === 'admin' || capability === 'operator';
}

export function useMayAssignRoles(): boolean {
  return useDevice()?.capability === 'admin';
}

/** Why the connected system cannot keep something, as a sentence; null where it can. What it cannot is not offered. */
export function useLacks(): (capability: SystemCapability) => string | null {
  return useSentences('lacks');
}

/** What to know about something that Latchkey alone keeps, as a sentence; null where the connected system goes by it. */
export function useCaveats(): (capability: SystemCapability) => string | null {
  return useSentences('caveats');
}

function useSentences(of: 'lacks' | 'caveats'): (capability: SystemCapability) => string | null {
  const system = useDevice()?.system;
  return useCallback(
    (capability) => {
      const sentence = system?.[of][capability];
      return sentence === undefined ? null : `${system!.title} ${sentence}.`;
    },
    [system, of],
  );
}
