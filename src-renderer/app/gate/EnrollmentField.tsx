import { Button } from '@mantine/core';
import { type DragEvent, useId, useRef, useState } from 'react';
import { Icon } from '../../ui/icons/Icon.tsx';
import { counted } from '../../words/quantities.ts';
import classes from './Door.module.css';

/** The contract takes no more than this many characters; a real file has a few thousand. */
const mostBytes = 262_144;

interface EnrollmentFieldProps {
  fileName: string;
  error: string | undefined;
  onFile(name: string, text: string): void;
}

/** Takes an enrollment file, dropped or chosen. */
export function EnrollmentField({ fileName, error, onFile }: EnrollmentFieldProps) {
  const input = useRef<HTMLInputElement>(null);
  const errorId = useId();
  const [over, setOver] = useState(false);
  const [unusable, setUnusable] = useState<string | null>(null);

  async function take(file: File | undefined): Promise<void> {
    if (!file) return;
    if (file.size > mostBytes) {
      setUnusable(`${file.name} has ${counted(file.size, 'byte')}: this is no enrollment file.`);
      return;
    }
    setUnusable(null);
    onFile(file.name, await file.text());
  }
  function drop(event: DragEvent): void {
    event.preventDefault();
    setOver(false);
    void take(event.dataTransfer.files[0]);
  }

  const words = unusable ?? error;
  return (
    <div>
      {/* biome-ignore lint/a11y/noStaticElementInteractions: dropping is a second way; the button beside is the first */}
      <div
        className={classes.drop}
        data-over={over}
        data-filled={fileName !== ''}
        onDragOver={(event) => {
          event.preventDefault();
          setOver(true);
        }}
        onDragLeave={() => setOver(false)}
        onDrop={drop}
      >
        <Icon name={fileName === '' ? 'file' : 'check'} size={18} />
        <div>{fileName === '' ? 'Drop the file here' : fileName}</div>
        <Button
          variant="default"
          aria-describedby={words ? errorId : undefined}
          data-wrong={words ? '' : undefined}
          onClick={() => input.current?.click()}
        >
          Choose file
        </Button>
        <input
          ref={input}
          type="file"
          hidden
          aria-label="Enrollment file"
          onChange={(event) => void take(event.currentTarget.files?.[0])}
        />
      </div>
      {words ? (
        <p id={errorId} className={classes.wrong}>
          {words}
        </p>
      ) : null}
    </div>
  );
}
