import type { Lane, LogLeaf } from '../../../src-main/contract/log.ts';

type Device = Lane['device'];

/** One erasure, the devices that said they did it too, and those that may still have what was to go. */
export interface Erasure {
  leaf: LogLeaf;
  done: Device[];
  missing: Device[];
}

/** Of entries that erase, and those by which devices acknowledge. A revoked device gets nothing any more and is not waited for. */
export function erasuresOf(
  asked: readonly LogLeaf[],
  answers: readonly LogLeaf[],
  devices: readonly Pick<Lane, 'device' | 'revokedAt'>[],
): Erasure[] {
  return asked.map((leaf) => {
    const acknowledged = answers.filter(
      ({ object, command, index }) =>
        (command === leaf.command || object?.key === leaf.object?.key) &&
        (index ?? Number.POSITIVE_INFINITY) >= (leaf.index ?? 0),
    );
    const ids = new Set(acknowledged.flatMap(({ device }) => (device ? [device.id] : [])));
    return {
      leaf,
      done: devices.filter(({ device }) => ids.has(device.id)).map(({ device }) => device),
      missing: devices
        .filter(({ device, revokedAt }) => revokedAt === null && !ids.has(device.id))
        .map(({ device }) => device),
    };
  });
}
