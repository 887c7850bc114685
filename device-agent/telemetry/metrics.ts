import { Counter, Gauge, Histogram, Registry } from 'prom-client';
import type { ServingObserver } from '../orchestrator/serving-observer.ts';

// Bucket bounds of vLLM for the same metrics, seconds.
const TTFT_BUCKETS = [0.001, 0.005, 0.01, 0.02, 0.04, 0.06, 0.08, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10];
const TPOT_BUCKETS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.75, 1];
const TLM_BUCKETS = [0.001, 0.0025, 0.005, 0.0075, 0.01, 0.015, 0.02, 0.03, 0.05, 0.1, 0.25];
const E2E_BUCKETS = [0.05, 0.1, 0.3, 0.5, 0.8, 1, 1.5, 2, 2.5, 5, 10, 15, 20, 30, 40, 50, 60];

export interface AgentMetrics {
  readonly observer: ServingObserver;
  /** Prometheus text format. */
  readonly render: () => Promise<string>;
}

/** `/metrics`: vLLM's names where vLLM has the metric, `bungee_` ones for strategies and SLOs. */
export function createMetrics(
  modelName: string,
  state: { readonly running: () => number; readonly waiting: () => number },
): AgentMetrics {
  const registry = new Registry();
  registry.setDefaultLabels({ model_name: modelName });
  const registers = [registry];
  const gauge = (name: string, help: string, read: () => number): void => {
    new Gauge({
      name,
      help,
      registers,
      collect() {
        this.set(read());
      },
    });
  };
  const histogram = (name: string, help: string, buckets: number[]): Histogram =>
    new Histogram({ name, help, buckets, registers });
  const counter = <L extends string = string>(name: string, help: string, labelNames: L[] = []): Counter<L> =>
    new Counter({ name, help, labelNames, registers });

  gauge('vllm:num_requests_running', 'Requests being served.', state.running);
  gauge('vllm:num_requests_waiting', 'Requests waiting.', state.waiting);
  const ttft = histogram('vllm:time_to_first_token_seconds', 'Arrival to first token.', TTFT_BUCKETS);
  const tpot = histogram('vllm:request_time_per_output_token_seconds', 'TPOT per request.', TPOT_BUCKETS);
  const e2e = histogram('vllm:e2e_request_latency_seconds', 'Arrival to last token.', E2E_BUCKETS);
  const queue = histogram('vllm:request_queue_time_seconds', 'Arrival to start of service.', E2E_BUCKETS);
  const promptTokens = counter('vllm:prompt_tokens_total', 'Prompt tokens received, dropped ones included.');
  const outputTokens = counter('vllm:generation_tokens_total', 'Tokens generated.');
  const success = counter('vllm:request_success_total', 'Requests completed.', ['finished_reason']);
  const outcomes = counter('bungee_requests_total', 'Requests by outcome.', ['outcome']);
  const switches = counter('bungee_level_switches_total', 'Level switches.', ['to']);
  const slo = counter('bungee_slo_judged_total', 'Requests judged against their SLO.', ['result']);
  const decisions = counter('bungee_decisions_total', 'Strategies chosen, by reason.', ['decided_by']);
  const tlm = histogram('bungee_tlm_seconds', 'Time of the TLM, which TTFT contains.', TLM_BUCKETS);
  const kept = counter('bungee_prompt_tokens_kept_total', 'Prompt tokens that were run.');
  const dropped = counter('bungee_prompt_tokens_dropped_total', 'Prompt tokens left out by compression.');
  const guard = counter('bungee_guard_interventions_total', 'Proposals of the TLM that the guard replaced.');
  const lowered = counter('bungee_levels_lowered_total', 'Levels lowered inside of a request.');
  let level = 100;
  gauge('bungee_level', 'Level of the latest request, per cent of decoder parameters.', () => level);

  return {
    render: () => registry.metrics(),
    observer: {
      onDecided: ({ decidedBy, tlm: advice, promptTokens: all, keptTokens }) => {
        decisions.inc({ decided_by: decidedBy });
        if (advice !== null) tlm.observe(advice.ms / 1000);
        if (advice !== null && (decidedBy === 'guard' || decidedBy === 'nothing-feasible')) guard.inc();
        kept.inc(keptTokens);
        dropped.inc(all - keptTokens);
      },
      onLowered: () => lowered.inc(),
      onLevel: (to, switched) => {
        level = to;
        if (switched) switches.inc({ to: String(to) });
      },
      onFinished: (outcome, hasSlo, served) => {
        outcomes.inc({ outcome });
        if (outcome === 'failed' && hasSlo) slo.inc({ result: 'miss' });
        if (served === null || outcome !== 'completed') return;
        const { measured, sloHit } = served.report;
        const observe = (target: Histogram, ms: number | null): void => {
          if (ms !== null) target.observe(ms / 1000);
        };
        observe(ttft, measured.ttftMs);
        observe(tpot, measured.tpotMs);
        observe(e2e, measured.e2elMs);
        observe(queue, measured.queueMs);
        promptTokens.inc(served.usage.prompt_tokens);
        outputTokens.inc(served.usage.completion_tokens);
        success.inc({ finished_reason: served.end.reason });
        if (sloHit.met !== null) slo.inc({ result: sloHit.met ? 'hit' : 'miss' });
      },
    },
  };
}
