import { join } from 'node:path';
import { FuseV1Options, FuseVersion, flipFuses } from '@electron/fuses';

/**
 * What a packaged Latchkey will and will not do, burnt into its binary: no environment and no argument can turn it into
 * a plain Node, attach a debugger to it, or have it run code from outside its own, checked archive.
 */
export function fusesFor(platform) {
  return {
    version: FuseVersion.V1,
    strictlyRequireAllFuses: true,
    // On Apple silicon every binary is signed, be it by nobody; changed bytes need a new such signature.
    resetAdHocDarwinSignature: platform === 'darwin',
    [FuseV1Options.RunAsNode]: false,
    [FuseV1Options.EnableNodeOptionsEnvironmentVariable]: false,
    [FuseV1Options.EnableNodeCliInspectArguments]: false,
    [FuseV1Options.GrantFileProtocolExtraPrivileges]: false,
    [FuseV1Options.LoadBrowserProcessSpecificV8Snapshot]: false,
    [FuseV1Options.OnlyLoadAppFromAsar]: true,
    // Electron checks the archive on these two alone; elsewhere there is no place where its hash would stand.
    [FuseV1Options.EnableEmbeddedAsarIntegrityValidation]: platform === 'darwin' || platform === 'win32',
    [FuseV1Options.EnableCookieEncryption]: true,
    // The page needs no WebAssembly traps either way; this is how Electron ships.
    [FuseV1Options.WasmTrapHandlers]: true,
  };
}

/** electron-builder calls this for each platform, after the app is put together and before it is signed. */
export default async function afterPack({ appOutDir, electronPlatformName, packager }) {
  await flipFuses(join(appOutDir, binaryOf(electronPlatformName, packager)), fusesFor(electronPlatformName));
}

function binaryOf(platform, packager) {
  const name = packager.appInfo.productFilename;
  if (platform === 'darwin') return `${name}.app`;
  return platform === 'win32' ? `${name}.exe` : packager.executableName;
}
