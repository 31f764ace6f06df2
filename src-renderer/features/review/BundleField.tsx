import { Button } from '@mantine/core';
import { type DragEvent, useRef, useState } from 'react';
import { Icon } from '../../ui/icons/Icon.tsx';
import { bytes } from '../../words/quantities.ts';
import classes from './Review.module.css';

/** Takes an export bundle, dropped or chosen. */
export function BundleField({ file, onFile }: { file: File | null; onFile(file: File): void }) {
  const input = useRef<HTMLInputElement>(null);
  const [over, setOver] = useState(false);
  function take(chosen: File | undefined): void {
    if (chosen) onFile(chosen);
  }
  function drop(event: DragEvent): void {
    event.preventDefault();
    setOver(false);
    take(event.dataTransfer.files[0]);
  }
  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: dropping is a second way; the button beside is the first
    <div
      className={classes.drop}
      data-over={over}
      onDragOver={(event) => {
        event.preventDefault();
        setOver(true);
      }}
      onDragLeave={() => setOver(false)}
      onDrop={drop}
    >
      <Icon name="file" size={18} />
      <div>{file ? `${file.name}, ${bytes(file.size)}` : 'Drop an export here (.lkx.zip)'}</div>
      <Button variant="default" onClick={() => input.current?.click()}>
        {file ? 'Choose another' : 'Choose a file'}
      </Button>
      <input
        ref={input}
        type="file"
        hidden
        aria-label="Export bundle"
        onChange={(event) => {
          take(event.currentTarget.files?.[0]);
          // The same file may be chosen again, after it was made anew.
          event.currentTarget.value = '';
        }}
      />
    </div>
  );
}
