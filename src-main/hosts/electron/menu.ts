import { Menu, type MenuItemConstructorOptions } from 'electron';

export interface MenuActions {
  lock(): void;
}

export function setMenu(actions: MenuActions, developerTools: boolean): void {
  Menu.setApplicationMenu(Menu.buildFromTemplate(menuTemplate(actions, developerTools, process.platform)));
}

export function menuTemplate(
  actions: MenuActions,
  developerTools: boolean,
  platform: NodeJS.Platform,
): MenuItemConstructorOptions[] {
  const tools: MenuItemConstructorOptions[] = developerTools ? [{ type: 'separator' }, { role: 'toggleDevTools' }] : [];
  return [
    ...(platform === 'darwin' ? [{ role: 'appMenu' } as const] : []),
    {
      label: '&File',
      submenu: [
        { label: 'Lock', accelerator: 'CmdOrCtrl+Shift+L', click: () => actions.lock() },
        { type: 'separator' },
        platform === 'darwin' ? { role: 'close' } : { role: 'quit' },
      ],
    },
    { role: 'editMenu' },
    {
      label: '&View',
      submenu: [
        { role: 'reload' },
        { type: 'separator' },
        { role: 'resetZoom' },
        { role: 'zoomIn' },
        { role: 'zoomOut' },
        { type: 'separator' },
        { role: 'togglefullscreen' },
        ...tools,
      ],
    },
    { role: 'windowMenu' },
  ];
}
