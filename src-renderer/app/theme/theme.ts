import { type CSSVariablesResolver, createTheme, type MantineColorsTuple } from '@mantine/core';

const systemFont =
  'system-ui, -apple-system, "Segoe UI", "Cantarell", "Noto Sans", "DejaVu Sans", "Helvetica Neue", Arial, sans-serif';

const latch: MantineColorsTuple = [
  '#eef0ff',
  '#dfe3ff',
  '#bfc8ff',
  '#a0acff',
  '#8795f7',
  '#6b7bec',
  '#5364dd',
  '#3d50c9',
  '#3241a6',
  '#28347f',
];

const dark: MantineColorsTuple = [
  '#e3e6eb',
  '#c5cbd6',
  '#9ea7b6',
  '#8a93a3',
  '#3b414d',
  '#272b33',
  '#1a1d23',
  '#15171c',
  '#101216',
  '#0b0d10',
];

const danger: MantineColorsTuple = [
  '#fdecea',
  '#fbd9d5',
  '#f6b3ab',
  '#f08a7e',
  '#e96a5c',
  '#dd4c3d',
  '#c73a2c',
  '#b02a20',
  '#8e2018',
  '#6f1811',
];

const dense = { defaultProps: { size: 'xs' } };

export const theme = createTheme({
  primaryColor: 'latch',
  primaryShade: { light: 7, dark: 6 },
  colors: { latch, danger, dark },
  fontFamily: systemFont,
  fontSizes: { xs: '12px', sm: '13px', md: '14px', lg: '16px', xl: '18px' },
  defaultRadius: 6,
  cursorType: 'pointer',
  respectReducedMotion: true,
  components: {
    Button: { ...dense, styles: { label: { fontWeight: 500 } } },
    TextInput: dense,
    PasswordInput: dense,
    NativeSelect: dense,
    Textarea: dense,
    NumberInput: dense,
    Checkbox: dense,
    Radio: dense,
    Switch: dense,
    TagsInput: dense,
    SegmentedControl: dense,
    InputWrapper: { styles: { description: { fontSize: 12 }, error: { fontSize: 12 }, label: { fontWeight: 500 } } },
    Modal: { defaultProps: { overlayProps: { backgroundOpacity: 0.35 } } },
  },
});

/** The kit's own variables, set from our tokens so that its parts and ours are of one colour. */
export const kitVariables: CSSVariablesResolver = () => {
  const shared = {
    '--mantine-color-text': 'var(--ink)',
    '--mantine-color-body': 'var(--paper)',
    '--mantine-color-dimmed': 'var(--ink-soft)',
    '--mantine-color-error': 'var(--bad)',
    '--mantine-color-placeholder': 'var(--ink-faint)',
    '--mantine-color-anchor': 'var(--accent)',
    '--mantine-color-default': 'var(--raised)',
    '--mantine-color-default-hover': 'var(--hover)',
    '--mantine-color-default-color': 'var(--ink)',
    '--mantine-color-default-border': 'var(--line-strong)',
    '--mantine-color-danger-light': 'var(--bad-tint)',
    '--mantine-color-danger-light-hover': 'var(--bad-tint)',
    '--mantine-color-danger-light-color': 'var(--bad)',
  };
  return { variables: {}, light: shared, dark: shared };
};
