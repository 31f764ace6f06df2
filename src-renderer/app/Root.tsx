import { MantineProvider } from '@mantine/core';
import { StrictMode } from 'react';
import { Connect } from './gate/Connect.tsx';
import { styleNonce } from './theme/nonce.ts';
import { kitVariables, theme } from './theme/theme.ts';

export function Root() {
  return (
    <StrictMode>
      <MantineProvider
        theme={theme}
        cssVariablesResolver={kitVariables}
        defaultColorScheme="auto"
        getStyleNonce={styleNonce}
      >
        <Connect />
      </MantineProvider>
    </StrictMode>
  );
}
