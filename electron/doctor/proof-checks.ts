import type { DoctorCheck } from '../../core/desktop-state.ts';
import {
  providerWords,
  type Candidate,
  type Numerics,
  type Placement,
  type ProviderProof,
} from '../../core/provider-proof.ts';
import type { ExecutionProvider } from '../../core/runtime-pack.ts';
import { checkOf, type Finding } from './finding.ts';

const SHOWN: Readonly<Record<ExecutionProvider, string>> = { cpu: 'CPU', xnnpack: 'XNNPACK', nnapi: 'NNAPI' };

/** A proof as checks: what the library has, per provider where it ran, what it computed and how fast it was. */
export function proofChecks(proof: ProviderProof): DoctorCheck[] {
  const { serial } = proof.device;
  const mark = proof.simulated === null ? '' : `SIMULATED (${proof.simulated}): `;
  const check = (id: string, title: string, finding: Finding): DoctorCheck =>
    checkOf(`${id}:${serial}`, title, { ...finding, text: `${mark}${finding.text}` });
  const rivals = proof.candidates.filter(({ provider }) => provider !== 'cpu');
  return [
    check('providers', 'Providers in ONNX Runtime', {
      status: 'ok',
      text: `${proof.library.join(', ')} (ONNX Runtime ${proof.runtime.onnxruntime}, ${proof.runtime.arch})`,
    }),
    ...rivals.flatMap((candidate) => {
      const name = SHOWN[candidate.provider];
      return [
        check(`placement-${candidate.provider}`, `Placement on ${name}`, placementFinding(candidate)),
        check(`numerics-${candidate.provider}`, `Numerics of ${name}`, numericsFinding(candidate)),
        check(`speed-${candidate.provider}`, `Speed of ${name}`, speedFinding(candidate)),
      ];
    }),
    ...proof.candidates
      .filter(({ provider }) => provider === 'cpu')
      .map((cpu) => check('speed-cpu', 'Speed of CPU', speedFinding(cpu))),
    check('chosen', 'Chosen providers', {
      status: 'ok',
      text: `${providerWords(proof.chosen)}. Prefill: ${proof.reasons.prefill}. Decode: ${proof.reasons.decode}.`,
    }),
  ];
}

function placementFinding({ verdict, reason, placement, subject }: Candidate): Finding {
  switch (verdict) {
    case 'not-in-library':
      return { status: 'skipped', text: `not asked: ${lowerFirst(reason)}` };
    case 'crashed':
      return {
        status: 'warning',
        text: reason,
        remedy: 'Its driver crashes: look for a system update. The CPU serves meanwhile.',
      };
    case 'refused':
      return {
        status: 'warning',
        text: `refused on ${subject ?? 'its graph'}: ${reason}`,
        remedy: 'Nothing to do: it is not used, the CPU serves.',
      };
    case 'declined':
      return {
        status: 'warning',
        text: `declined ${subject ?? 'its graph'}: ${lowerFirst(reason)}`,
        remedy: 'Nothing to do: it is not used, the CPU serves.',
      };
    default:
      return placement === null
        ? { status: 'skipped', text: reason }
        : { status: 'ok', text: `${describePlacement(placement)}, on ${subject ?? 'its graph'}` };
  }
}

function describePlacement({ nodes, nodesOnProvider, partitions }: Placement): string {
  return `${nodesOnProvider} of ${nodes} nodes in ${partitions} ${partitions === 1 ? 'kernel' : 'kernels'}, by ONNX Runtime's profile`;
}

function numericsFinding({ numerics, verdict }: Candidate): Finding {
  if (numerics === null) return { status: 'skipped', text: 'nothing was computed there' };
  const text = describeNumerics(numerics);
  return verdict === 'wrong-numerics'
    ? {
        status: 'warning',
        text: `wrong: ${text}`,
        remedy:
          'It is not used, the CPU serves. Look for a system update: the driver computes something else.',
      }
    : { status: 'ok', text };
}

function describeNumerics({
  finite,
  rmsRel,
  maxAbs,
  top1Agreement,
  klNats,
  bound,
  values,
}: Numerics): string {
  if (!finite) return `values that are not finite, or not ${values} of them`;
  const told = [
    `differs from the CPU by ${(100 * (rmsRel ?? 0)).toPrecision(2)} % (rms; bound ${100 * bound.rmsRel} %)`,
    `at most ${(maxAbs ?? 0).toPrecision(2)}`,
    ...(top1Agreement === null ? [] : [`same best token in ${Math.round(100 * top1Agreement)} % of rows`]),
    ...(klNats === null ? [] : [`KL ${klNats.toPrecision(2)} nats`]),
  ];
  return told.join(', ');
}

/** No time is told of a provider that was not proved to have run and to compute the right thing. */
function speedFinding({ speed, verdict, reason }: Candidate): Finding {
  if (speed === null)
    return {
      status: 'skipped',
      text: verdict === 'works' ? `not timed: ${lowerFirst(reason)}` : 'not timed',
    };
  const prefill = speed.prefill.map(({ tokens, medianMs }) => `${tokens} tokens ${medianMs.toFixed(1)} ms`);
  const decode = speed.decodeMs === null ? [] : [`decode ${speed.decodeMs.toFixed(1)} ms per token`];
  return { status: 'ok', text: `${reason} Prefill: ${[...prefill, ...decode].join(', ')}.` };
}

function lowerFirst(text: string): string {
  return text.charAt(0).toLowerCase() + text.slice(1);
}
