import { Tabs } from 'radix-ui';
import { DecisionView } from '../detail/decision-view.tsx';
import { PromptView } from '../detail/prompt-view.tsx';
import { RequestSummary } from '../detail/request-summary.tsx';
import { interventionsOf, INTERVENTIONS } from '../format/intervention.ts';
import { formatShare } from '../format/units.ts';
import type { RequestRow } from '../live/request-row.ts';
import { look, useView, type DetailTab } from '../state/view-store.ts';

const TABS: readonly DetailTab[] = ['summary', 'prompt', 'decision'];

/** All that is known of a request, in three views of one height. */
export function RequestDetail({ row }: { readonly row: RequestRow }) {
  const tab = useView((view) => view.detailTab);
  const titles = tabTitles(row);
  return (
    <Tabs.Root
      className="detail"
      value={tab}
      onValueChange={(value) => look({ detailTab: TABS.find((one) => one === value) ?? 'summary' })}
    >
      <Tabs.List className="detail-tabs" aria-label="Request">
        {TABS.map((one) => (
          <Tabs.Trigger key={one} value={one} className="tab">
            {titles[one]}
          </Tabs.Trigger>
        ))}
      </Tabs.List>
      <Tabs.Content value="summary" className="detail-content" tabIndex={-1}>
        <RequestSummary row={row} />
      </Tabs.Content>
      <Tabs.Content value="prompt" className="detail-content" tabIndex={-1}>
        <PromptView row={row} />
      </Tabs.Content>
      <Tabs.Content value="decision" className="detail-content" tabIndex={-1}>
        <DecisionView row={row} />
      </Tabs.Content>
    </Tabs.Root>
  );
}

/** Names of the views, with what is special about this request. */
function tabTitles(row: RequestRow): Readonly<Record<DetailTab, string>> {
  const { promptTokens = 0, keptTokens = 0 } = row.decision ?? {};
  const compressed = promptTokens > 0 && keptTokens < promptTokens;
  const interventions = interventionsOf(row).map((kind) => INTERVENTIONS[kind].word);
  return {
    summary: 'Summary',
    prompt: compressed ? `Prompt · ${formatShare(keptTokens / promptTokens)} kept` : 'Prompt',
    decision: ['Decision', ...interventions].join(' · '),
  };
}
