import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';

import { App } from './App';
import { config } from './backend';

const root = createRoot(document.getElementById('root')!);

config().then(
  (loaded) => root.render(<StrictMode><App config={loaded} /></StrictMode>),
  (error: Error) => root.render(<main><p role="alert" className="alert">{error.message}</p></main>),
);
