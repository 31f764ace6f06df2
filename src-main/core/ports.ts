/** What a host must bring. Whatever differs between Electron, a browser's server and a terminal comes in through here. */
export interface HostPorts {
  /** The operating system's secret store, where the host has one that really encrypts. */
  secretStore: SecretStore | null;
  /** Milliseconds since 1970, for stamps; a test may turn it. */
  clock: () => number;
}

export interface SecretStore {
  read(name: string): Promise<Uint8Array | null>;
  write(name: string, value: Uint8Array): Promise<void>;
  remove(name: string): Promise<void>;
}

export const plainPorts: HostPorts = { secretStore: null, clock: () => Date.now() };
