import { mkdir, readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { parseJsonWith } from '../../core/parse.ts';
import { providerProofSchema, type ProviderProof } from '../../core/provider-proof.ts';
import { fail, ok, type Result } from '../../core/result.ts';
import { firstLine } from '../engine/open-session.ts';
import { writeWhole } from '../profiler/profile-store.ts';

/** What a proof depends on; with any of it changed it proves nothing any more. */
export type ProofScope = Pick<ProviderProof, 'bundleId' | 'threads' | 'runtime' | 'library'>;

function proofPath(home: string, { bundleId, threads }: ProofScope): string {
  return join(home, 'proofs', `${bundleId}-t${threads}.json`);
}

/** Where a crash while a provider is tried, or while it serves, is remembered. */
export function attemptPath(home: string, what: 'proof' | 'serving'): string {
  return join(home, `${what}-attempt.json`);
}

/** Name of everything that an attempt depends on. */
export function attemptKey(scope: ProofScope, systemBuild: string): string {
  const { bundleId, runtime } = scope;
  return [bundleId, runtime.onnxruntime, runtime.node, runtime.arch, systemBuild].join(' ');
}

/** The stored proof of this scope; null when there is none or it is of another one. */
export async function loadProof(home: string, scope: ProofScope): Promise<ProviderProof | null> {
  const path = proofPath(home, scope);
  const text = await readFile(path, 'utf8').catch(() => null);
  if (text === null) return null;
  const parsed = parseJsonWith(providerProofSchema, text, path);
  return parsed.ok && isOfScope(parsed.value, scope) ? parsed.value : null;
}

function isOfScope(proof: ProviderProof, scope: ProofScope): boolean {
  const { bundleId, threads, runtime, library } = proof;
  const own: ProofScope = { bundleId, threads, runtime, library };
  const { bundleId: b, threads: t, runtime: r, library: l } = scope;
  return JSON.stringify(own) === JSON.stringify({ bundleId: b, threads: t, runtime: r, library: l });
}

/** Failure `write-failed`; the proof before it then stays whole. A made-up case is never stored. */
export async function saveProof(home: string, proof: ProviderProof): Promise<Result<null>> {
  if (proof.simulated !== null) throw new Error('a simulated proof proves nothing of this phone');
  const path = proofPath(home, proof);
  try {
    await mkdir(dirname(path), { recursive: true });
    await writeWhole(path, JSON.stringify(proof));
    return ok(null);
  } catch (error) {
    return fail('write-failed', `${path} cannot be written: ${firstLine(error)}.`, 'Free some space.');
  }
}
