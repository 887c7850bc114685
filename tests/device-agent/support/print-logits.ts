import { openEngine, type SegmentForm } from '../../../device-agent/engine/open-engine.ts';
import { unwrap } from '../../../core/result.ts';

// Program of tests that compare machines: for each bundle folder on its command line, both forms of segments and every
// level, the logits after each token of one prompt and one decoded token. Prints one JSON object.

const PROMPT = [3, 17, 42, 5, 99, 64, 250, 7, 31, 8, 120, 77];
const NEXT_TOKEN = 11;

export interface PrintedLogits {
  readonly arch: string;
  readonly node: string;
  /** Key `<bundle folder> <form> <level>`; little-endian floats in base64. */
  readonly logits: Readonly<Record<string, string>>;
}

async function logitsOf(dir: string, form: SegmentForm, into: Record<string, string>): Promise<void> {
  const { engine } = unwrap(await openEngine({ bundleDir: dir, threads: 2, segmentForm: form }));
  for (const level of engine.levels) {
    unwrap(engine.setLevel(level));
    const sequence = engine.open(PROMPT.length, 2);
    const rows: Float32Array[] = [];
    await engine.prefill(sequence, PROMPT, {
      logitsFrom: 0,
      onLogits: (_at, logits) => rows.push(logits.slice()),
    });
    rows.push((await engine.step(sequence, NEXT_TOKEN)).slice());
    engine.close(sequence);
    const bytes = Buffer.concat(rows.map((row) => Buffer.from(row.buffer, row.byteOffset, row.byteLength)));
    into[`${dir} ${form} ${level}`] = bytes.toString('base64');
  }
  await engine.dispose();
}

const logits: Record<string, string> = {};
for (const dir of process.argv.slice(2))
  for (const form of ['zero-row', 'conditional'] as const) await logitsOf(dir, form, logits);
const printed: PrintedLogits = {
  arch: `${process.platform}-${process.arch}`,
  node: process.versions.node,
  logits,
};
process.stdout.write(`${JSON.stringify(printed)}\n`, () => process.exit(0));
