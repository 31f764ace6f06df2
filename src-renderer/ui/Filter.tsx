import { NativeSelect } from '@mantine/core';

interface FilterProps {
  label: string;
  /** What is chosen; empty for all. */
  value: string;
  all: string;
  options: { value: string; label: string }[];
  onChange(value: string): void;
}

/** One question to a list, with an answer for all of it. */
export function Filter({ label, value, all, options, onChange }: FilterProps) {
  return (
    <NativeSelect
      aria-label={label}
      value={value}
      data={[{ value: '', label: all }, ...options]}
      onChange={(event) => onChange(event.currentTarget.value)}
    />
  );
}
