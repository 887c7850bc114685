import { cpSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, test } from 'vitest';
import { stockPackage } from '../../../scripts/native/package-with-binding.ts';
import { arm64Pack } from '../../e2e/arm64-pack.ts';
import { bareDevice, runShell } from '../../virtual-phone/harness.ts';
import { buildPackage } from './built-binding.ts';

const PHONE_PACK = '/data/local/tmp/pack';

const packDir = await arm64Pack();
const built = packDir === null ? null : await buildPackage('linux-arm64');
afterAll(() => built?.remove());

describe.skipIf(built === null)("Bungee's binding on emulated arm64", () => {
  test(
    "answers as npm's binding does: values, types, metadata, options and errors",
    { timeout: 120_000 },
    async () => {
      const { device, close } = bareDevice({ arch: 'arm64' });
      try {
        cpSync(packDir ?? '', device.files.hostPath(PHONE_PACK), { recursive: true });
        const node = `${PHONE_PACK}/lib/ld-linux-aarch64.so.1 --library-path ${PHONE_PACK}/lib ${PHONE_PACK}/bin/node`;
        const program = fileURLToPath(new URL('conformance.mjs', import.meta.url));
        const run = await runShell(device, `${node} ${program} ${stockPackage} ${built?.folder ?? ''}`);
        expect(JSON.parse(run.out), run.err).toMatchObject({ differences: [] });
      } finally {
        await close();
      }
    },
  );
});
