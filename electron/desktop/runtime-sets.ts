import { join } from 'node:path';
import type { Device } from '../../core/device.ts';
import { ok, type Result } from '../../core/result.ts';
import type { ChosenPack, RuntimePack } from '../../core/runtime-pack.ts';
import { agentFileSet } from '../agent/agent-files.ts';
import type { Deployment } from '../agent/agent-on-phone.ts';
import type { LocalFileSet } from '../files/local-file-set.ts';
import { packFileSet } from '../packs/pack-folder.ts';
import { PACK_ONNXRUNTIME } from '../packs/pack-layout.ts';
import type { ReadyPack } from '../packs/runtime-packs.ts';
import type { SessionServiceDeps } from './session-deps.ts';

/** What of a deployment does not depend on the bundle: the runtime pack, and the agent with its binding. */
export interface RuntimeSets {
  readonly choice: ChosenPack;
  readonly agentSetId: string;
  /** null = nothing of the pack is pushed. */
  readonly runtimeSetId: string | null;
  readonly launch: RuntimePack['launch'];
  /** In the order in which they are pushed. */
  readonly sets: readonly LocalFileSet[];
}

/** The file sets of a pack and the agent on it. Failures: `pack-damaged`, `file-unreadable`. */
export async function runtimeSets(
  { options, hashes }: Pick<SessionServiceDeps, 'options' | 'hashes'>,
  { choice, pack, dir }: ReadyPack,
): Promise<Result<RuntimeSets>> {
  const { folder, from } = pack.binding;
  const packDir = from === 'pack' && dir !== null ? join(dir, PACK_ONNXRUNTIME) : null;
  const agent = await agentFileSet(options, { folder, packDir }, hashes);
  if (!agent.ok) return agent;
  const runtime = await packFileSet(pack, dir, hashes);
  if (!runtime.ok) return runtime;
  return ok({
    choice,
    agentSetId: agent.value.id,
    runtimeSetId: runtime.value?.id ?? null,
    launch: pack.launch,
    sets: [...(runtime.value === null ? [] : [runtime.value]), agent.value],
  });
}

/**
 * The runtime of a phone; says which pack it takes, and assembles it if the desktop can. Failures: those of
 * `RuntimePacks.provide` and {@link runtimeSets}.
 */
export async function provideRuntime(
  deps: SessionServiceDeps,
  device: Device,
  signal: AbortSignal,
): Promise<Result<RuntimeSets>> {
  const pack = await deps.packs.provide(device, (line) => deps.onNote('info', line), signal);
  if (!pack.ok) return pack;
  const { name, why } = pack.value.choice;
  deps.onNote('info', `Runtime pack ${name}: ${why}.`);
  return runtimeSets(deps, pack.value);
}

/** What the agent of a session is started from. */
export function deploymentOf(
  { choice, agentSetId, runtimeSetId, launch }: RuntimeSets,
  bundle: LocalFileSet,
  bundleId: string,
  { threads, guardCorrection }: SessionServiceDeps['options'],
): Deployment {
  const byHand = choice.name === 'termux';
  return {
    agentSetId,
    runtimeSetId,
    launch,
    byHand,
    bundleSetId: bundle.id,
    bundleId,
    threads,
    guardCorrection,
  };
}
