import { Button } from '@mantine/core';
import { type ComponentProps, type KeyboardEvent, type ReactNode, useEffect, useRef } from 'react';
import type { LatchkeyError } from '../../../src-main/contract/errors.ts';
import { ErrorPanel } from '../ErrorPanel.tsx';
import classes from './CommandForm.module.css';

interface CommandFormProps {
  label: string;
  form: {
    failure: LatchkeyError | null;
    general: string | undefined;
    busy: boolean;
    properties: Pick<ComponentProps<'form'>, 'onSubmit' | 'noValidate'>;
  };
  /** What will come of it, in words. */
  consequence?: ReactNode;
  submit: string;
  /** For what takes something away from somebody. */
  danger?: boolean;
  onCancel(): void;
  children: ReactNode;
}

/** The fields of a command, what will come of it, and the one button that does it. Escape goes back. */
export function CommandForm(props: CommandFormProps) {
  const element = useRef<HTMLFormElement>(null);
  useEffect(() => {
    const drawer = element.current?.closest('dialog');
    element.current?.querySelector<HTMLElement>('input, textarea, select')?.focus();
    return () => {
      // The button that led here was replaced by the form, so the focus goes back to what the form is about.
      requestAnimationFrame(() => {
        if (document.activeElement === document.body) drawer?.querySelector('h2')?.focus();
      });
    };
  }, []);

  function keys(event: KeyboardEvent): void {
    if (event.key !== 'Escape') return;
    event.stopPropagation();
    props.onCancel();
  }
  return (
    <form ref={element} className={classes.form} aria-label={props.label} onKeyDown={keys} {...props.form.properties}>
      {props.consequence ? <div className={classes.consequence}>{props.consequence}</div> : null}
      {props.children}
      {props.form.general ? <p className={classes.general}>{props.form.general}</p> : null}
      {props.form.failure ? <ErrorPanel error={props.form.failure} /> : null}
      <div className={classes.buttons}>
        <Button type="submit" color={props.danger ? 'danger' : undefined} loading={props.form.busy}>
          {props.submit}
        </Button>
        <Button variant="default" onClick={props.onCancel}>
          Cancel
        </Button>
      </div>
    </form>
  );
}
