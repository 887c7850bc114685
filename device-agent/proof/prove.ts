import type { Candidate, PhaseProviders, ProviderSpeed } from '../../core/provider-proof.ts';
import { fail, ok, type Result } from '../../core/result.ts';
import type { ExecutionProvider } from '../../core/runtime-pack.ts';
import { firstLine } from '../engine/open-session.ts';
import type { AttemptLog } from './attempt-log.ts';
import { chooseProviders, timeRatio, WORTHWHILE_RATIO, type MeasuredRival } from './choose-provider.ts';
import { measureSpeeds, PROOF_LENGTHS, type PhaseTimer } from './measure-speed.ts';
import type { ProofGraph, ProofRuntime } from './proof-runtime.ts';
import { tryProvider, untried, type Tried } from './try-provider.ts';

export type OpenPrefill = (
  provider: ExecutionProvider,
) => Promise<Result<PhaseTimer & { readonly close: () => Promise<void> }>>;

/** What the bundle gives to prove on; everything is handed in, so that tests pass their own. */
export interface ProofSubjects {
  /** The engine on the CPU, as it serves. */
  readonly engine: PhaseTimer;
  /** The graph that a provider is tried on, in the shapes that it would serve. */
  readonly graphFor: (provider: ExecutionProvider) => Promise<Result<ProofGraph>>;
  /** Opens the bundle's static prefill on a provider for timing; null = the bundle has no static graphs. */
  readonly openPrefill: OpenPrefill | null;
  readonly contextLength: number;
  /** API level of the phone's Android; null = not known. */
  readonly sdk: number | null;
}

export interface ProofFindings {
  readonly library: readonly ExecutionProvider[];
  readonly candidates: readonly Candidate[];
  readonly chosen: PhaseProviders;
  readonly reasons: { readonly prefill: string; readonly decode: string };
}

/** From Android 10 on NNAPI can be told not to use its own CPU device. */
const NNAPI_WITHOUT_CPU_SDK = 29;
const RIVALS: readonly ExecutionProvider[] = ['xnnpack', 'nnapi'];

/**
 * Tries every provider of the library: placement by profile, numerics against the CPU, then time; each step only where
 * the one before held. Throws where the CPU itself fails.
 */
export async function proveProviders(
  runtime: ProofRuntime,
  subjects: ProofSubjects,
  attempts: AttemptLog,
  cancelled: () => boolean,
): Promise<ProofFindings> {
  const lengths = PROOF_LENGTHS.filter((tokens) => tokens < subjects.contextLength);
  const measured = new Map<ExecutionProvider, MeasuredRival>();
  const tried: Tried[] = [];
  for (const provider of RIVALS) {
    if (cancelled()) break;
    const refusal = whyNotAsked(provider, runtime, subjects, attempts);
    const makeGraph = (): Promise<Result<ProofGraph>> => subjects.graphFor(provider);
    const found =
      refusal ?? (await attempts.around(provider, () => tryProvider(runtime, makeGraph, provider)));
    const { engine, openPrefill } = subjects;
    if (found.verdict !== null || openPrefill === null) {
      tried.push(found);
      continue;
    }
    const timed = await attempts.around(provider, () =>
      time(engine, openPrefill, provider, lengths, cancelled),
    );
    if (timed.ok) measured.set(provider, timed.value);
    tried.push(
      timed.ok
        ? found
        : { ...found, verdict: 'refused', reason: `It could not be timed: ${timed.failure.message}` },
    );
  }
  const cpu = [...measured.values()].at(-1)?.cpu ?? (await timeCpu(subjects.engine, lengths, cancelled));
  const { chosen, reasons } = chooseProviders(measured);
  return {
    library: runtime.providers,
    candidates: [cpuCandidate(cpu, chosen), ...tried.map((each) => concluded(each, measured, chosen))],
    chosen,
    reasons,
  };
}

function whyNotAsked(
  provider: ExecutionProvider,
  { providers }: ProofRuntime,
  { sdk }: ProofSubjects,
  attempts: AttemptLog,
): Tried | null {
  if (!providers.includes(provider))
    return untried(provider, 'not-in-library', 'This ONNX Runtime library does not have it.');
  if (provider === 'nnapi' && sdk !== null && sdk < NNAPI_WITHOUT_CPU_SDK)
    return untried(
      provider,
      'refused',
      'Before Android 10 NNAPI cannot be kept off its own CPU device, so what would run is not known.',
    );
  return attempts.hasCrashed(provider)
    ? untried(
        provider,
        'crashed',
        'The agent ended twice while it was tried; it is left alone until the runtime or the system changes.',
      )
    : null;
}

/** The engine and the static prefill on `provider`, in turn. */
async function time(
  engine: PhaseTimer,
  openPrefill: OpenPrefill,
  provider: ExecutionProvider,
  lengths: readonly number[],
  cancelled: () => boolean,
): Promise<Result<MeasuredRival>> {
  const opened = await openPrefill(provider);
  if (!opened.ok) return opened;
  try {
    const speeds = await measureSpeeds({ cpu: engine, own: opened.value }, lengths, cancelled);
    return ok(speeds);
  } catch (error) {
    return fail('provider-run', `${firstLine(error)}.`);
  } finally {
    await opened.value.close();
  }
}

async function timeCpu(
  engine: PhaseTimer,
  lengths: readonly number[],
  cancelled: () => boolean,
): Promise<ProviderSpeed> {
  return (await measureSpeeds({ cpu: engine }, lengths, cancelled)).cpu;
}

function phasesOf(provider: ExecutionProvider, chosen: PhaseProviders): string {
  return (['prefill', 'decode'] as const).filter((phase) => chosen[phase] === provider).join(' and ');
}

function cpuCandidate(speed: ProviderSpeed, chosen: PhaseProviders): Candidate {
  const phases = phasesOf('cpu', chosen);
  const found = {
    provider: 'cpu',
    subject: 'the elastic engine',
    placement: null,
    numerics: null,
    speed,
  } as const;
  return phases === ''
    ? { ...found, verdict: 'slower', reason: 'Others serve both phases.' }
    : { ...found, verdict: 'chosen', reason: `It serves ${phases}.` };
}

function concluded(
  tried: Tried,
  measured: ReadonlyMap<ExecutionProvider, MeasuredRival>,
  chosen: PhaseProviders,
): Candidate {
  const { verdict, provider } = tried;
  if (verdict !== null) return { ...tried, verdict, speed: null };
  const rival = measured.get(provider);
  if (rival === undefined) {
    const reason = 'It computes what the CPU does; this bundle has no static graphs for it.';
    return { ...tried, speed: null, verdict: 'works', reason };
  }
  const ratio = timeRatio('prefill', rival);
  const told = ratio === null ? 'its time is not known' : `it takes ${ratio.toFixed(2)} of the CPU's time`;
  const phases = phasesOf(provider, chosen);
  return phases === ''
    ? {
        ...tried,
        speed: rival.own,
        verdict: 'slower',
        reason: `It works, but ${told} in prefill (worthwhile: ${WORTHWHILE_RATIO}).`,
      }
    : { ...tried, speed: rival.own, verdict: 'chosen', reason: `It serves ${phases}: ${told}.` };
}
