import { TextInput } from '@mantine/core';
import { type KeyboardEvent, useEffect, useState } from 'react';
import { focusList } from './focus.ts';
import { Icon } from './icons/Icon.tsx';
import classes from './SearchField.module.css';

/** How long typing must rest before the list follows, in milliseconds. */
const rest = 120;

interface SearchFieldProps {
  label: string;
  value: string;
  onChange(value: string): void;
  /** A narrower question beside the search: `/` does not come here. */
  beside?: boolean;
}

/** Search as you type. `/` comes here, Escape empties it, Arrow down goes on to the list. */
export function SearchField({ label, value, onChange, beside = false }: SearchFieldProps) {
  const [typed, setTyped] = useState(value);
  const [known, setKnown] = useState(value);
  // What changed from outside, such as a link or a cleared filter, is taken over; what is being typed is left alone.
  if (value !== known) {
    setKnown(value);
    if (value !== typed.trim()) setTyped(value);
  }
  useEffect(() => {
    const words = typed.trim();
    if (words === value) return;
    const timer = setTimeout(() => onChange(words), rest);
    return () => clearTimeout(timer);
  }, [typed, value, onChange]);

  function keys(event: KeyboardEvent<HTMLInputElement>): void {
    if (event.key === 'ArrowDown' || event.key === 'Enter') {
      event.preventDefault();
      focusList();
    }
    if (event.key === 'Escape') {
      event.stopPropagation();
      if (typed === '') event.currentTarget.blur();
      setTyped('');
    }
  }

  return (
    <TextInput
      className={beside ? classes.beside : classes.search}
      type="text"
      inputMode="search"
      data-search={beside ? undefined : ''}
      aria-label={label}
      placeholder={label}
      maxLength={200}
      leftSection={beside ? null : <Icon name="search" size={14} />}
      rightSection={typed === '' && !beside ? <kbd className={classes.hint}>/</kbd> : null}
      value={typed}
      onChange={(event) => setTyped(event.currentTarget.value)}
      onKeyDown={keys}
    />
  );
}
