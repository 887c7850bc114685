import { appById } from '../../../core/app.ts';
import type { UnstampedEvent } from '../../../core/agent-event.ts';
import { LEVELS, type Level } from '../../../core/level.ts';
import { judgeSlo } from '../../../core/metrics.ts';
import { seededRandom } from '../../../core/random.ts';
import type { LiveEvent } from '../../../core/run-record.ts';
import { traceEntries, type TraceSpec } from '../../../core/trace.ts';
import { demoDecision } from './demo-decision.ts';
import { demoPrompt, demoWords } from './demo-prompts.ts';

/** Scripted runs for tests and screenshots: one server, one queue, made-up latencies. Not a product path. */

const WORDS = (
  'Sure, the meeting about the quarterly report moved to Thursday at ten, so I will bring the slides and ' +
  'the numbers that you asked for; let me know if the room is still the same as last week.'
).split(' ');

/** Phone clock = host clock minus this: the two must never be mixed up. */
const PHONE_CLOCK_OFFSET_MS = 1_000_000;

interface DemoRun {
  readonly startMs: number;
  readonly trace: TraceSpec;
  readonly requests: number;
  /** Requests of this position fail. */
  readonly failedAt?: readonly number[];
  /** The bundle has a TLM. */
  readonly tlm?: boolean;
}

/** How warm the phone is after some time of the run, 0..1. */
function heatAt(afterMs: number): number {
  return 1 - Math.exp(-afterMs / 60_000);
}

/** The events of a run in time order, from its start to its last token. */
export function demoEvents({ startMs, trace, requests, failedAt = [], tlm = true }: DemoRun): LiveEvent[] {
  const random = seededRandom(trace.seed);
  const noise = (): number => 0.93 + random() * 0.16;
  const events: LiveEvent[] = [];
  const agent = (atMs: number, event: UnstampedEvent): void => {
    events.push({
      kind: 'agent',
      hostAtMs: atMs,
      event: { seq: 0, atMs: atMs - PHONE_CLOCK_OFFSET_MS, ...event },
    });
  };
  let freeAtMs = startMs;
  let level: Level = 100;
  const ends: number[] = [];
  let position = 0;
  for (const entry of traceEntries({ ...trace, durationS: null })) {
    if (position >= requests) break;
    const app = appById(entry.app);
    const requestId = `req-${position + 1}`;
    const arrivedMs = startMs + entry.atMs;
    const prompt = demoPrompt(app.id, 1 + Math.floor(random() * random() * 4));
    const promptTokens = prompt.pieces.length;
    const queueLength = ends.filter((end) => end > arrivedMs).length;
    events.push({
      kind: 'sent',
      hostAtMs: arrivedMs,
      requestId,
      app: app.id,
      promptIndex: entry.promptIndex,
      slo: app.slo,
    });
    agent(arrivedMs + 1, {
      type: 'request-queued',
      requestId,
      app: app.id,
      slo: app.slo,
      promptTokens,
      queueLength: queueLength + 1,
    });
    const startedMs = Math.max(arrivedMs + 2, freeAtMs);
    const queueMs = startedMs - arrivedMs;
    const heat = heatAt(startedMs - startMs);
    const { decision, grid } = demoDecision({
      slo: app.slo,
      promptTokens,
      compressibleTokens: prompt.compressible.filter(Boolean).length,
      waitedMs: queueMs,
      correction: { ttft: 1 + 0.18 * heat, tpot: 1 + 0.11 * heat },
      tlm,
      random,
    });
    const { promptLevel, modelLevel } = decision.strategy;
    const switchTo = (atMs: number, to: Level, reason: 'strategy' | 'tpot-drift'): void => {
      if (to !== level)
        agent(atMs, { type: 'level-switched', from: level, to, requestId, switchMs: 0.12, reason });
      level = to;
    };
    switchTo(startedMs, modelLevel, 'strategy');
    agent(startedMs + 1, { type: 'request-started', requestId, decision, grid, queueMs });
    if (decision.keptTokens < promptTokens)
      agent(startedMs + 2, {
        type: 'prompt-compressed',
        requestId,
        promptLevel,
        words: demoWords(prompt, promptLevel, random),
      });
    const limits = decision.limits ?? { ttftMs: null, tpotMs: null };
    const predicted = decision.predicted ?? { ttftMs: 0, tpotMs: 0 };
    const ttftMs = queueMs + predicted.ttftMs * noise();
    const tpotMs = predicted.tpotMs * noise();
    const tokens = 8 + Math.floor(random() * 24);
    const failed = failedAt.includes(position);
    for (let index = 0; index < (failed ? 3 : tokens); index += 1)
      agent(arrivedMs + ttftMs + index * tpotMs, {
        type: 'token',
        requestId,
        index,
        text: `${index === 0 ? '' : ' '}${WORDS[index % WORDS.length] ?? ''}`,
      });
    const drifts = tlm && position % 9 === 4 && modelLevel > 40;
    if (drifts) {
      const lighter = LEVELS.findLast((one) => one <= modelLevel - 20) ?? 20;
      switchTo(arrivedMs + ttftMs + 5.5 * tpotMs, lighter, 'tpot-drift');
    }
    const endMs = arrivedMs + ttftMs + (tokens - 1) * tpotMs;
    const measured = { queueMs, ttftMs, tpotMs, e2elMs: endMs - arrivedMs };
    agent(endMs + 0.5, {
      type: 'request-finished',
      requestId,
      outcome: failed ? 'failed' : 'completed',
      finishReason: failed ? null : 'stop',
      failure: failed ? 'the prompt has 2190 tokens, the context holds 2048' : null,
      report: { requestId, app: app.id, ...decision, measured, sloHit: judgeSlo(limits, measured) },
      usage: {
        prompt_tokens: promptTokens,
        completion_tokens: tokens,
        total_tokens: promptTokens + tokens,
      },
      queueLength,
    });
    freeAtMs = endMs;
    ends.push(endMs);
    position += 1;
  }
  const lastMs = Math.max(startMs, ...ends);
  for (let atMs = startMs; atMs <= lastMs; atMs += 1000) {
    const heat = heatAt(atMs - startMs);
    events.push({
      kind: 'device',
      hostAtMs: atMs,
      serial: 'virtual-1',
      telemetry: {
        temperatureC: 31 + 9 * heat + random() * 0.4,
        skinC: 30,
        thermalStatus: 0,
        cpuCoolingState: 0,
        batteryPercent: 81,
        batteryC: 29,
        charging: true,
        batteryHeld: false,
        coreKhz: null,
        availableBytes: null,
      },
    });
    agent(atMs + 3, {
      type: 'telemetry',
      queueLength: ends.filter((end) => end > atMs && end < atMs + 2500).length,
      pssBytes: 212e6 + random() * 6e6,
      rssBytes: 260e6,
      cpuLoad: 1.7,
    });
  }
  return stamped(events);
}

function stamped(events: LiveEvent[]): LiveEvent[] {
  let seq = 0;
  return [...events]
    .sort((a, b) => a.hostAtMs - b.hostAtMs)
    .map((event) => (event.kind === 'agent' ? { ...event, event: { ...event.event, seq: seq++ } } : event));
}
