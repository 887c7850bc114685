import { createHash } from 'node:crypto';
import { unwrap } from '../../../core/result.ts';
import { openEngine } from '../../../device-agent/index.ts';

// For each bundle folder on the command line, both forms of segments and every level: SHA-256 over the logits of a
// prompt's positions and of some decoded tokens after it. Prints one JSON object.

const PROMPT = Array.from({ length: 12 }, (_, i) => (i * 37 + 11) % 250);
const DECODED = [3, 17, 42, 5, 99];

const printed: Record<string, string> = {};
for (const dir of process.argv.slice(2))
  for (const segmentForm of ['zero-row', 'conditional'] as const) {
    const { engine } = unwrap(await openEngine({ bundleDir: dir, threads: 1, segmentForm }));
    // Up and down: outputs of one level must not reach another.
    for (const [turn, level] of [...engine.levels, ...engine.levels.toReversed()].entries()) {
      unwrap(engine.setLevel(level));
      const hash = createHash('sha256');
      const sequence = engine.open(PROMPT.length, DECODED.length);
      await engine.prefill(sequence, PROMPT, {
        logitsFrom: 0,
        onLogits: (_at, logits) => hash.update(logits),
      });
      for (const token of DECODED) hash.update(await engine.step(sequence, token));
      engine.close(sequence);
      printed[`${dir} ${segmentForm} ${turn} ${level}`] = hash.digest('hex');
    }
    await engine.dispose();
  }
process.stdout.write(`${JSON.stringify(printed)}\n`);
