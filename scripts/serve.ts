import { Command } from 'commander';
import { unwrap } from '../core/result.ts';
import { printJson, runCommand, say } from './shared/command-line.ts';
import {
  bringUpSession,
  narrateSession,
  openDesktop,
  setUpPhone,
  type PhoneFlags,
} from './shared/desktop-session.ts';
import { addPhoneFlags } from './shared/phone-flags.ts';

const program = addPhoneFlags(
  new Command('serve').description(
    'Serve the phone’s OpenAI-compatible endpoint on this computer until interrupted.',
  ),
).option('--json', 'print {baseUrl, token, model, serial} as one JSON line');

await runCommand(program, async (signal) => {
  const flags = program.opts<PhoneFlags & { json?: true }>();
  const setup = unwrap(await setUpPhone(flags, 'headless', signal));
  try {
    const service = unwrap(await openDesktop(setup));
    const stopNarrating = narrateSession(service);
    try {
      const session = await bringUpSession(service, setup, signal);
      const endpoint = service.endpoint();
      if (endpoint === null) throw new Error('a ready session has an endpoint');
      const model = session.health?.model ?? '';
      const baseUrl = `${endpoint.baseUrl}/v1`;
      if (flags.json === true)
        await printJson({ baseUrl, token: endpoint.token, model, serial: setup.serial });
      else
        say(
          `\nOpenAI-compatible endpoint: ${baseUrl}\n  API key: ${endpoint.token}\n  model:   ${model}\n` +
            'Add `"slo": {"ttft": 0.5, "tpot": 0.8}` to a request; the answer tells in `elastic` what was done. Ctrl+C ends.',
        );
      await new Promise<void>((done) => signal.addEventListener('abort', () => done(), { once: true }));
    } finally {
      stopNarrating();
      await service.call('session.stop', {});
      await service.close();
    }
  } finally {
    await setup.virtualPhone?.stop();
  }
});
