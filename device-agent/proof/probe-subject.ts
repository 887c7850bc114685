import { Tensor } from 'onnxruntime-node';
import { buildProbe, PROBE, PROBE_OUTPUT } from './probe-graph.ts';
import type { ProofGraph } from './proof-runtime.ts';

/** The probe graph as a subject: for bundles without static graphs. */
export function probeSubject(): ProofGraph {
  const { bytes, feeds } = buildProbe();
  return {
    words: `probe block, ${PROBE.tokens} tokens`,
    model: bytes,
    options: {},
    feeds: Object.fromEntries(
      Object.entries(feeds).map(([name, { data, dims }]) => [name, new Tensor('float32', data, dims)]),
    ),
    output: PROBE_OUTPUT,
    logitsOf: (output) => Promise.resolve({ values: output, width: PROBE.vocabulary }),
  };
}
