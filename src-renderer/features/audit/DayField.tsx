import { TextInput } from '@mantine/core';
import { useId } from 'react';
import classes from './Audit.module.css';

/** A day, in UTC as all of the log. */
export function DayField({ label, value, onChange }: { label: string; value: string; onChange(day: string): void }) {
  const id = useId();
  return (
    <span className={classes.day}>
      <label htmlFor={id}>{label}</label>
      <TextInput id={id} type="date" value={value} onChange={(event) => onChange(event.currentTarget.value)} />
    </span>
  );
}
