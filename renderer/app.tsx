import { Tooltip } from 'radix-ui';
import { useEffect } from 'react';
import { BottomTabs } from './bottom/bottom-tabs.tsx';
import { StatusBar } from './bottom/status-bar.tsx';
import { ChartBar } from './charts/chart-bar.tsx';
import { ChartColumn } from './charts/chart-column.tsx';
import { HelpOverlay } from './commands/help.tsx';
import { startKeyboard } from './commands/keyboard.ts';
import { CommandPalette } from './commands/palette.tsx';
import { Bundles } from './left/bundles.tsx';
import { AddBundleDialog, AliasDialog, ConnectDialog, DeleteRunDialog } from './left/dialogs.tsx';
import { Phones } from './left/phones.tsx';
import { Runs } from './left/runs.tsx';
import { RightColumn } from './right/right-column.tsx';
import { useDesktop } from './state/desktop-store.ts';
import { useView } from './state/view-store.ts';
import { NoticeList } from './top/notice-list.tsx';
import { TopBar } from './top/top-bar.tsx';

/** Hovering this long shows a definition, ms. */
const HINT_DELAY_MS = 350;

export function App() {
  const state = useDesktop((desktop) => desktop.state);
  useEffect(startKeyboard, []);
  return (
    <Tooltip.Provider delayDuration={HINT_DELAY_MS}>
      <div className="window">
        <TopBar state={state} />
        <NoticeList />
        <div className="columns">
          <aside className="column left" aria-label="Phones, bundles and runs">
            {state === null ? (
              <p className="panel panel-empty">Waiting for the services …</p>
            ) : (
              <>
                <Phones state={state} />
                <Bundles state={state} />
                <Runs state={state} />
              </>
            )}
          </aside>
          <main className="middle">
            <ChartBar />
            <ChartColumn />
            <BottomTabs />
          </main>
          {state === null ? <aside className="column right" /> : <RightColumn state={state} />}
        </div>
        <StatusBar state={state} />
      </div>
      <OpenDialog />
    </Tooltip.Provider>
  );
}

function OpenDialog() {
  const dialog = useView((view) => view.dialog);
  switch (dialog) {
    case null:
      return null;
    case 'connect':
      return <ConnectDialog />;
    case 'add-bundle':
      return <AddBundleDialog />;
    case 'alias':
      return <AliasDialog />;
    case 'delete-run':
      return <DeleteRunDialog />;
    case 'palette':
      return <CommandPalette />;
    case 'help':
      return <HelpOverlay />;
  }
}
