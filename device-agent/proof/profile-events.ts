import { z } from 'zod';
import { parseJsonWith } from '../../core/parse.ts';
import type { Placement } from '../../core/provider-proof.ts';
import { ok, type Result } from '../../core/result.ts';
import type { ExecutionProvider } from '../../core/runtime-pack.ts';

/** A kernel that a run went through, from the profile that ONNX Runtime writes. */
export interface KernelEvent {
  /** Of the node, or of the compiled partition; told apart by its index too. */
  readonly name: string;
  /** ONNX Runtime's name, e.g. `CPUExecutionProvider`. */
  readonly provider: string;
  readonly ms: number;
}

/** ONNX Runtime's names of the providers. */
export const PROVIDER_NAMES: Readonly<Record<ExecutionProvider, string>> = {
  cpu: 'CPUExecutionProvider',
  xnnpack: 'XnnpackExecutionProvider',
  nnapi: 'NnapiExecutionProvider',
};

/**
 * The profile is a list of trace events; those of kernels have category `Node`, a name that ends so, and the provider
 * among their arguments. Events of other kinds are of no interest here and may look any way.
 */
const KERNEL_SUFFIX = /_kernel_time$/;
const profileSchema = z.array(
  z.object({
    cat: z.string(),
    name: z.string(),
    dur: z.number().default(0),
    args: z.record(z.string(), z.unknown()).default({}),
  }),
);

/** Kernels of all runs of a profile. Failures `invalid-json`, `invalid-input`. */
export function parseProfile(text: string): Result<KernelEvent[]> {
  const parsed = parseJsonWith(profileSchema, text, 'ONNX Runtime’s profile');
  if (!parsed.ok) return parsed;
  return ok(
    parsed.value.flatMap(({ cat, name, dur, args }) => {
      const { provider, node_index: index } = args;
      if (cat !== 'Node' || !KERNEL_SUFFIX.test(name) || typeof provider !== 'string' || provider === '')
        return [];
      return [
        { name: `${name.replace(KERNEL_SUFFIX, '')}#${String(index ?? '')}`, provider, ms: dur / 1000 },
      ];
    }),
  );
}

/** Kernels of one run, each once. */
export function kernelCount(events: readonly KernelEvent[]): number {
  return new Set(events.map(({ provider, name }) => `${provider} ${name}`)).size;
}

/**
 * Where a graph of `nodes` nodes ran. A provider that compiles (NNAPI) shows one kernel per partition, so that its
 * nodes are those that are missing among the other providers' kernels.
 *
 * @param nodes kernels of the same graph on the CPU alone, optimized as far as providers see it (`basic`).
 */
export function placementOf(
  events: readonly KernelEvent[],
  provider: ExecutionProvider,
  nodes: number,
): Placement {
  const own = events.filter((event) => event.provider === PROVIDER_NAMES[provider]);
  const others = events.filter((event) => event.provider !== PROVIDER_NAMES[provider]);
  const partitions = kernelCount(own);
  const nodesOnProvider =
    partitions === 0 ? 0 : Math.min(nodes, Math.max(partitions, nodes - kernelCount(others)));
  const names = [...new Set(events.map((event) => event.provider))].sort();
  return {
    nodes,
    nodesOnProvider,
    share: nodesOnProvider / nodes,
    partitions,
    ran: names.map((name) => {
      const ran = events.filter((event) => event.provider === name);
      return { provider: name, kernels: kernelCount(ran), ms: ran.reduce((sum, { ms }) => sum + ms, 0) };
    }),
  };
}
