import './zod-without-eval.ts';
import { createRoot } from 'react-dom/client';
import { App } from './app.tsx';
import { findBridge } from './bridge.ts';
import { setBridge, useDesktop } from './state/desktop-store.ts';
import { startFeed } from './state/live-feed.ts';
import { startTheme } from './state/theme.ts';
import { NoServices } from './no-services.tsx';

startTheme();
const bridge = findBridge((connection) => useDesktop.setState({ connection }));
const root = document.getElementById('root');
if (root === null) throw new Error('index.html has no #root');
if (bridge === null) createRoot(root).render(<NoServices />);
else {
  setBridge(bridge);
  startFeed(bridge);
  createRoot(root).render(<App />);
}
