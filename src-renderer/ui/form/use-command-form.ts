import { type SubmitEvent, useState } from 'react';
import type { LatchkeyError } from '../../../src-main/contract/errors.ts';
import type { CallName, Input, Output } from '../../../src-main/contract/index.ts';
import { useCommand } from '../../calls/use-command.ts';
import { fieldErrors, refusedField } from './field-errors.ts';

interface CommandForm<Name extends CallName, Values> {
  call: Name;
  initial: Values;
  /** What the fields mean as the call's input. */
  toInput(values: Values): Input<Name>;
  onDone(output: Output<Name>, values: Values): void;
  /** What the contract cannot know, such as two fields that have to agree. */
  check?(values: Values): Partial<Record<keyof Values & string, string>>;
}

/** A form over one command: checked field by field against the contract before it is sent, and by the host after. */
export function useCommandForm<Name extends CallName, Values extends object>(form: CommandForm<Name, Values>) {
  const [values, setValues] = useState(form.initial);
  const [left, setLeft] = useState<ReadonlySet<string>>(new Set());
  const command = useCommand(form.call);

  const names = Object.keys(form.initial);
  const wrong: Record<string, string | undefined> = {
    ...fieldErrors(form.call, form.toInput(values)),
    ...form.check?.(values),
  };
  const refused = refusedField(command.error, names);

  function errorOf(field: keyof Values & string): string | undefined {
    if (refused === field) return command.error?.message;
    return left.has(field) ? wrong[field] : undefined;
  }

  function set<Field extends keyof Values & string>(field: Field, value: Values[Field]): void {
    setValues((before) => ({ ...before, [field]: value }));
    if (refused === field) command.reset();
  }

  function submit(event: SubmitEvent<HTMLFormElement>): void {
    event.preventDefault();
    setLeft(new Set(names));
    if (Object.values(wrong).some((words) => words !== undefined)) {
      focusFirstWrong(event.currentTarget);
      return;
    }
    const element = event.currentTarget;
    command.mutate(form.toInput(values), {
      onSuccess: (output) => form.onDone(output, values),
      onError: () => focusFirstWrong(element),
    });
  }

  const failure: LatchkeyError | null = refused === null ? command.error : null;
  return {
    values,
    set,
    /** Properties of a field of text: what stands in it, what is wrong with it, and when that is said. */
    text: (field: keyof Values & string) => ({
      value: String(values[field]),
      error: errorOf(field),
      onChange: (event: { currentTarget: { value: string } }) =>
        set(field, event.currentTarget.value as Values[typeof field]),
      onBlur: () => {
        // A field that was only passed through is not wrong yet, and words under it would push away what is clicked.
        if (values[field] !== form.initial[field]) setLeft((before) => new Set(before).add(field));
      },
    }),
    /** Said about the whole rather than about one field. */
    general: left.size === names.length ? wrong[''] : undefined,
    failure,
    busy: command.isPending,
    properties: { onSubmit: submit, noValidate: true },
  };
}

/** After the errors are on the screen. */
function focusFirstWrong(form: HTMLFormElement): void {
  requestAnimationFrame(() => form.querySelector<HTMLElement>('[aria-invalid="true"], [data-wrong]')?.focus());
}

/** An empty optional field is not part of the input. */
export function optional(text: string): string | undefined {
  return text.trim() === '' ? undefined : text;
}
