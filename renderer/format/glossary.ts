/** The one place where the window defines its terms; shown on hover and in the help. */
export const GLOSSARY = {
  ttft: {
    name: 'TTFT',
    unit: 'ms',
    definition:
      'Time to first token: from the request’s arrival at the agent to its first token. Waiting is inside.',
  },
  tpot: {
    name: 'TPOT',
    unit: 'ms per token',
    definition:
      'Time per output token: (E2EL − TTFT) / (output tokens − 1). Not defined for one token or none.',
  },
  itl: {
    name: 'ITL',
    unit: 'ms',
    definition: 'Inter-token latency: the gap between two consecutive streamed tokens, one sample per gap.',
  },
  e2el: {
    name: 'E2EL',
    unit: 'ms',
    definition: 'End-to-end latency: from the request’s arrival at the agent to its last token.',
  },
  queue: {
    name: 'Queue',
    unit: 'requests, or ms of one request',
    definition:
      'Requests that wait at the agent; for one request, the time from its arrival to the start of service.',
  },
  slo: {
    name: 'SLO',
    unit: 'ratio of the full model, or ms',
    definition:
      'Service-level objective <TTFT, TPOT>: each bound is a ratio of the full model’s latency on the same prompt and phone (1 = as slow as the full model), or milliseconds.',
  },
  attainment: {
    name: 'SLO attainment',
    unit: '%',
    definition:
      'Share of judged requests that met all their bounds. A failed request is a miss; one cut off by the end of the run, or without an SLO, is not judged.',
  },
  goodput: {
    name: 'Goodput',
    unit: 'requests per second',
    definition: 'Requests per second that met all their bounds.',
  },
  level: {
    name: 'Level m',
    unit: '% of decoder parameters',
    definition:
      'The nested sub-model in use, named by the share of decoder parameters it keeps. Embedding and head are never cut.',
  },
  promptLevel: {
    name: 'Prompt level p',
    unit: '% of prompt tokens',
    definition:
      'Share of a prompt’s tokens that are kept. System prompt and examples may be shortened, by whole words; the question never is, so a small p may keep more than its share.',
  },
  strategy: {
    name: 'p × m',
    unit: '',
    definition: 'The strategy of a request: prompt level p and level m, both in per cent.',
  },
  feasible: {
    name: 'Feasible',
    unit: '',
    definition:
      'Both predicted latencies, waiting included, are within the SLO by this phone’s measured profile.',
  },
  tlm: {
    name: 'TLM',
    unit: 'ms',
    definition:
      'Tiny language model on the phone with two heads: one proposes p × m for a request and its SLO, one scores the words of the prompt. Its time is part of TTFT.',
  },
  guard: {
    name: 'Guard',
    unit: '% of requests',
    definition:
      'Takes the feasible strategy of the best measured quality where the TLM’s proposal is predicted to miss the SLO; while tokens stream, lowers the level if TPOT runs over its bound.',
  },
  nothingFeasible: {
    name: 'Nothing fits',
    unit: '% of requests',
    definition: 'No strategy was predicted to keep the SLO, so the lightest was taken.',
  },
  correction: {
    name: 'Correction',
    unit: 'measured / predicted',
    definition:
      'How much slower or faster than its profile the phone has been of late (heat, other load); the guard multiplies its predictions by it.',
  },
  quality: {
    name: 'Quality',
    unit: '0 to 1',
    definition:
      'What a strategy is worth, measured before on questions with known answers: the mean probability of the right one.',
  },
  score: {
    name: 'Score',
    unit: 'the larger, the more it is worth',
    definition:
      'How much the answer needs a word, by the TLM’s score head; words of low score go first. Only the order within one prompt means something.',
  },
  keptShare: {
    name: 'Prompt kept',
    unit: '% of prompt tokens',
    definition: 'Mean share of the prompt that was kept, over requests that the TLM was asked about.',
  },
  tlmShare: {
    name: 'TLM / TTFT',
    unit: '%',
    definition:
      'The TLM’s time over TTFT without waiting, both summed over the requests that it was asked about.',
  },
  temperature: {
    name: 'Temperature',
    unit: '°C',
    definition: 'The hottest CPU or skin sensor that the phone reports over adb.',
  },
  memory: {
    name: 'Memory',
    unit: 'MB',
    definition:
      'Proportional set size of the agent with all levels loaded (resident size where the phone does not tell).',
  },
  alpha: {
    name: 'α',
    unit: '',
    definition: 'Skew of the trace over SLO levels: above 0 more relaxed requests, below 0 more tight ones.',
  },
  load: {
    name: 'Load',
    unit: 'requests per minute',
    definition: 'Mean arrival rate of the trace.',
  },
  profile: {
    name: 'Profile',
    unit: '',
    definition: 'This phone’s measured latencies per level and prompt length; what feasibility is judged by.',
  },
  bundle: { name: 'Bundle', unit: '', definition: 'Everything that is pushed to a phone for one model.' },
  switches: {
    name: 'Switches',
    unit: '',
    definition:
      'Times that the agent changed the level. The mark on the chart carries how long the change took.',
  },
  p50: { name: 'p50', unit: '', definition: 'Median: half of the values are at or below it.' },
  p90: { name: 'p90', unit: '', definition: '90 of 100 values are at or below it (linear interpolation).' },
  p95: { name: 'p95', unit: '', definition: '95 of 100 values are at or below it (linear interpolation).' },
  p99: { name: 'p99', unit: '', definition: '99 of 100 values are at or below it (linear interpolation).' },
} as const;

export type TermId = keyof typeof GLOSSARY;

export function definitionOf(id: TermId): string {
  const { name, unit, definition } = GLOSSARY[id];
  return `${name}${unit === '' ? '' : ` (${unit})`}: ${definition}`;
}
