import type { Candidate, Numerics, Placement, Verdict } from '../../core/provider-proof.ts';
import { ok, type Result } from '../../core/result.ts';
import type { ExecutionProvider } from '../../core/runtime-pack.ts';
import { compareOutputs } from './compare-outputs.ts';
import { kernelCount, placementOf, type KernelEvent } from './profile-events.ts';
import type { ProofGraph, ProofRuntime } from './proof-runtime.ts';

/** What is known of a provider before it is timed; verdict null = placement and numerics hold. */
export type Tried = Omit<Candidate, 'verdict' | 'speed'> & { readonly verdict: Verdict | null };

/** Where a provider's nodes ran and what they computed, each only if the step before held. Throws where the CPU fails. */
export async function tryProvider(
  runtime: ProofRuntime,
  makeGraph: () => Promise<Result<ProofGraph>>,
  provider: ExecutionProvider,
): Promise<Tried> {
  const made = await makeGraph();
  if (!made.ok) return untried(provider, 'refused', made.failure.message);
  const graph = made.value;
  const tried = (
    verdict: Verdict | null,
    reason: string,
    found: { placement?: Placement; numerics?: Numerics } = {},
  ): Tried => ({
    provider,
    subject: graph.words,
    placement: found.placement ?? null,
    numerics: found.numerics ?? null,
    verdict,
    reason,
  });
  const reference = await runOnce(runtime, graph, 'cpu', 'profiled');
  if (!reference.ok) throw new Error(reference.failure.message);
  const placed = await runOnce(runtime, graph, provider, 'profiled');
  if (!placed.ok) return tried('refused', placed.failure.message);
  const nodes = Math.max(1, kernelCount(reference.value.events));
  const placement = placementOf(placed.value.events, provider, nodes);
  if (placement.nodesOnProvider === 0)
    return tried('declined', `It took none of ${nodes} nodes; all would run on the CPU.`, { placement });
  const served = await runOnce(runtime, graph, provider, 'serving');
  if (!served.ok) return tried('refused', served.failure.message, { placement });
  const numerics = await judgeOutput(graph, reference.value.output, served.value.output);
  return numerics.within
    ? tried(null, '', { placement, numerics })
    : tried('wrong-numerics', 'What it computes is too far from the CPU to be used.', {
        placement,
        numerics,
      });
}

/** A provider of which nothing was run. */
export function untried(provider: ExecutionProvider, verdict: Verdict, reason: string): Tried {
  return { provider, subject: null, placement: null, numerics: null, verdict, reason };
}

/** What follows from values that are not finite is not asked. */
async function judgeOutput(
  graph: ProofGraph,
  reference: Float32Array,
  actual: Float32Array,
): Promise<Numerics> {
  const alone = compareOutputs(reference, actual, null);
  if (!alone.finite) return alone;
  return compareOutputs(reference, actual, [await graph.logitsOf(reference), await graph.logitsOf(actual)]);
}

async function runOnce(
  runtime: ProofRuntime,
  graph: ProofGraph,
  provider: ExecutionProvider,
  mode: 'profiled' | 'serving',
): Promise<Result<{ readonly output: Float32Array; readonly events: readonly KernelEvent[] }>> {
  const opened = await runtime.open(graph, provider, mode);
  if (!opened.ok) return opened;
  const ran = await opened.value.run();
  const closed = await opened.value.close();
  if (!ran.ok) return ran;
  return closed.ok ? ok({ output: ran.value, events: closed.value }) : closed;
}
