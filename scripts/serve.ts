import { Command } from 'commander';
import { printJson, runCommand, say } from './shared/command-line.ts';
import { withReadySession } from './shared/desktop-session.ts';
import type { PhoneFlags } from './shared/phone-setup.ts';
import { addPhoneFlags } from './shared/phone-flags.ts';

const program = addPhoneFlags(
  new Command('serve').description(
    'Serve the phone’s OpenAI-compatible endpoint on this computer until interrupted.',
  ),
).option('--json', 'print {baseUrl, token, model, serial} as one JSON line');

await runCommand(program, async (signal) => {
  const flags = program.opts<PhoneFlags & { json?: true }>();
  await withReadySession(flags, signal, async ({ service, setup, session }) => {
    const endpoint = service.endpoint();
    if (endpoint === null) throw new Error('a ready session has an endpoint');
    const model = session.health?.model ?? '';
    const baseUrl = `${endpoint.baseUrl}/v1`;
    if (flags.json === true) await printJson({ baseUrl, token: endpoint.token, model, serial: setup.serial });
    else
      say(
        `\nOpenAI-compatible endpoint: ${baseUrl}\n  API key: ${endpoint.token}\n  model:   ${model}\n` +
          'Add `"slo": {"ttft": 0.5, "tpot": 0.8}` to a request; the answer tells in `elastic` what was done. Ctrl+C ends.',
      );
    await new Promise<void>((done) => signal.addEventListener('abort', () => done(), { once: true }));
  });
});
