import { CopyButton } from '../../ui/CopyButton.tsx';
import classes from './Audit.module.css';

interface RawTextProps {
  title: string;
  text: string | null;
  open?: boolean;
}

/** A text as it is stored, folded away until somebody asks. */
export function RawText({ title, text, open = false }: RawTextProps) {
  if (text === null) return null;
  return (
    <details className={classes.raw} open={open}>
      <summary>{title}</summary>
      <div className={classes.copy}>
        <CopyButton text={text} label={`Copy: ${title}`} />
      </div>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must scroll by the keyboard too. */}
      <pre tabIndex={0}>{text}</pre>
    </details>
  );
}
