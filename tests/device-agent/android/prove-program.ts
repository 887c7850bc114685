import { writeSync } from 'node:fs';
import { unwrap, ok } from '../../../core/result.ts';
import { openBundleEngine } from '../../../device-agent/engine/open-engine.ts';
import { readManifest } from '../../../device-agent/engine/verify-bundle.ts';
import type { OpenCommand } from '../../../device-agent/host/worker-protocol.ts';
import { AttemptLog } from '../../../device-agent/proof/attempt-log.ts';
import { engineTimer } from '../../../device-agent/proof/engine-timer.ts';
import { probeSubject } from '../../../device-agent/proof/probe-subject.ts';
import { onnxRuntime } from '../../../device-agent/proof/proof-runtime.ts';
import { proveProviders, type ProofSubjects } from '../../../device-agent/proof/prove.ts';
import { staticSubject } from '../../../device-agent/proof/static-subject.ts';
import { staticTimer } from '../../../device-agent/proof/static-timer.ts';

// The proof as an agent makes it, over whatever ONNX Runtime lies beside this program: on the probe graph, or on the
// static graphs of the bundle in the first argument. Prints what was found and ends itself at once: after the last line
// Android's library crashes under glibc in its own teardown.

async function subjectsOf(bundleDir: string): Promise<ProofSubjects> {
  const manifest = unwrap(await readManifest(bundleDir));
  const { engine } = unwrap(await openBundleEngine(bundleDir, manifest, { threads: 1 }));
  const source: OpenCommand = {
    kind: 'open',
    bundleDir,
    manifest,
    threads: 1,
    segmentForm: 'auto',
    stampFile: null,
  };
  const graphs = manifest.staticPrefill;
  if (graphs === undefined) throw new Error('the bundle has no static graphs');
  return {
    engine: engineTimer(engine),
    graphFor: (provider) => staticSubject(engine, source, graphs, provider),
    openPrefill: (provider) => staticTimer(engine, source, provider),
    contextLength: manifest.model.contextLength,
    sdk: null,
  };
}

const PROBE: ProofSubjects = {
  engine: { prefillMs: () => Promise.resolve(1), decodeMs: null },
  graphFor: () => Promise.resolve(ok(probeSubject())),
  openPrefill: null,
  contextLength: 512,
  sdk: null,
};

const [bundleDir] = process.argv.slice(2);
const subjects = bundleDir === undefined ? PROBE : await subjectsOf(bundleDir);
const found = await proveProviders(onnxRuntime(1), subjects, new AttemptLog(null, ''), () => false);
writeSync(1, `${JSON.stringify(found)}\n`);
process.kill(process.pid, 'SIGKILL');
