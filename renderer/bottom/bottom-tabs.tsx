import { Tabs } from 'radix-ui';
import { useShown } from '../state/shown-store.ts';
import { look, useView, type BottomTab } from '../state/view-store.ts';
import { RequestTable } from '../table/request-table.tsx';
import { ScopeSummary } from '../table/scope-summary.tsx';
import { DoctorPanel } from './doctor-panel.tsx';
import { LogPanel } from './log-panel.tsx';
import { NotesPanel } from './notes-panel.tsx';

const TITLES: Readonly<Record<BottomTab, string>> = {
  requests: 'Requests',
  log: 'Agent log',
  doctor: 'Doctor',
  notes: 'Notes',
};
const TABS = Object.keys(TITLES) as readonly BottomTab[];

/** Under the charts: requests, and what else is looked at beside them. */
export function BottomTabs() {
  const tab = useView((view) => view.tab);
  const filter = useView((view) => view.filter);
  const notes = useShown((shown) => shown.view.notes.length);
  return (
    <Tabs.Root
      className="tabs"
      value={tab}
      onValueChange={(value) => look({ tab: TABS.find((one) => one === value) ?? 'requests' })}
    >
      <div className="tab-bar">
        <Tabs.List className="tab-list" aria-label="Panels">
          {TABS.map((one) => (
            <Tabs.Trigger key={one} value={one} className="tab">
              {TITLES[one]}
              {one === 'notes' && notes > 0 ? ` ${notes}` : ''}
            </Tabs.Trigger>
          ))}
        </Tabs.List>
        {tab === 'requests' ? (
          <input
            id="filter"
            type="search"
            className="filter"
            aria-label="Filter requests"
            placeholder="Filter: gboard miss 40% …  ( / )"
            spellCheck={false}
            value={filter}
            onChange={(event) => look({ filter: event.target.value })}
          />
        ) : null}
      </div>
      <Tabs.Content value="requests" className="tab-content">
        <ScopeSummary />
        <RequestTable />
      </Tabs.Content>
      <Tabs.Content value="log" className="tab-content">
        <LogPanel />
      </Tabs.Content>
      <Tabs.Content value="doctor" className="tab-content">
        <DoctorPanel />
      </Tabs.Content>
      <Tabs.Content value="notes" className="tab-content">
        <NotesPanel />
      </Tabs.Content>
    </Tabs.Root>
  );
}
