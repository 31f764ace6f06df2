import './without-eval.ts';
import '@mantine/core/styles.layer.css';
import './theme/tokens.css';
import './theme/base.css';
import { createRoot } from 'react-dom/client';
import { Root } from './Root.tsx';

const element = document.getElementById('root');
if (!element) throw new Error('The page has no place for the window.');
createRoot(element).render(<Root />);
