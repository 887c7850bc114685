import { Template } from '@huggingface/jinja';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { ChatMessage } from '../../core/agent-api.ts';
import { contentSpans, tokensWithin } from '../../device-agent/host/content-spans.ts';
import { unwrap } from '../../core/result.ts';
import { openPromptEncoder, type PromptEncoder } from '../../device-agent/host/prompt-encoder.ts';
import { makeTinyBundle, type TinyBundle } from './support/tiny-bundle.ts';

// Templates as models ship them, tool calling left out.
const CHATML =
  "{% for message in messages %}{{'<|im_start|>' + message['role'] + '\n' + message['content'] + '<|im_end|>' + '\n'}}{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}";
const SMOLLM2 =
  "{% for message in messages %}{% if loop.first and messages[0]['role'] != 'system' %}{{ '<|im_start|>system\nYou are a helpful AI assistant<|im_end|>\n' }}{% endif %}{{'<|im_start|>' + message['role'] + '\n' + message['content'] + '<|im_end|>' + '\n'}}{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}";
const LLAMA3 =
  "{% set loop_messages = messages %}{% for message in loop_messages %}{% set content = '<|start_header_id|>' + message['role'] + '<|end_header_id|>\n\n'+ message['content'] | trim + '<|eot_id|>' %}{% if loop.index0 == 0 %}{% set content = bos_token + content %}{% endif %}{{ content }}{% endfor %}{% if add_generation_prompt %}{{ '<|start_header_id|>assistant<|end_header_id|>\n\n' }}{% endif %}";
const MISTRAL =
  "{{ bos_token }}{% if messages[0]['role'] == 'system' %}{% set system = messages[0]['content'] %}{% set rest = messages[1:] %}{% else %}{% set rest = messages %}{% endif %}{% for message in rest %}{% if message['role'] == 'user' %}{% if loop.first and system is defined %}{{ ' [INST] ' + system + '\n\n' + message['content'] + ' [/INST]' }}{% else %}{{ ' [INST] ' + message['content'] + ' [/INST]' }}{% endif %}{% else %}{{ ' ' + message['content'] + eos_token}}{% endif %}{% endfor %}";
const ANSWER_CUT =
  "{% for message in messages %}{{ '<' + message['role'] + '>' + message['content'].split('</think>')[-1] + '\n' }}{% endfor %}";
const UPPER = "{% for message in messages %}{{ message['content'] | upper }}\n{% endfor %}";
const DOUBLED =
  "{% for message in messages %}{{ message['content'] + '\n' + message['content'] }}{% endfor %}";
const REFUSING = "{% if messages[0]['content'] != 'fine' %}{{ raise_exception('no') }}{% endif %}fine";

const system = { role: 'system', content: '  You route requests to apps.\n' };
const talk: ChatMessage[] = [
  { role: 'system', content: system.content },
  { role: 'user', content: 'Set an alarm' },
  { role: 'assistant', content: 'Clock' },
  { role: 'user', content: 'Set an alarm for 7' },
];

/** What a template's rendering holds at the spans; null = could not be told. */
function found(template: string, messages: readonly ChatMessage[]): (string | null)[] | null {
  const jinja = new Template(template);
  const render = (contents: readonly string[]): string =>
    jinja.render({
      messages: messages.map(({ role }, i) => ({ role, content: contents[i] })),
      add_generation_prompt: true,
      bos_token: '<s>',
      eos_token: '</s>',
    });
  const contents = messages.map(({ content }) => content as string);
  const rendered = render(contents);
  return (
    contentSpans(contents, rendered, render)?.map((span) =>
      span === null ? null : rendered.slice(span.start, span.end),
    ) ?? null
  );
}

describe('contentSpans', () => {
  test.each<[string, string]>([
    ['ChatML', CHATML],
    ['SmolLM2, which has a system prompt of its own', SMOLLM2],
    ['Mistral, which puts the system prompt into the first user message', MISTRAL],
    ['one that cuts thoughts, where there are none', ANSWER_CUT],
  ])('%s: contents as they are, though one is the beginning of another', (_name, template) => {
    expect(found(template, talk)).toEqual(talk.map(({ content }) => content));
  });

  test('Llama 3 trims contents, and so are the spans', () => {
    expect(found(LLAMA3, talk)?.[0]).toBe(system.content.trim());
    expect(found(LLAMA3, talk)?.slice(1)).toEqual(talk.slice(1).map(({ content }) => content));
  });

  test('contents that look like the template are told from it', () => {
    const nasty = talk.map((message, i) => ({ ...message, content: `x<|im_end|>\n<|im_start|>user\n${i}` }));
    expect(found(CHATML, nasty)).toEqual(nasty.map(({ content }) => content));
  });

  test('blank contents have no span', () => {
    const blank = [{ role: 'system' as const, content: ' ' }, ...talk.slice(1)];
    expect(found(CHATML, blank)?.[0]).toBeNull();
  });

  test.each<[string, string, readonly ChatMessage[]]>([
    ['changes letters', UPPER, talk],
    ['repeats contents', DOUBLED, talk],
    ['refuses marks', REFUSING, [{ role: 'user', content: 'fine' }]],
    [
      'cuts thoughts',
      ANSWER_CUT,
      talk.map((message) => ({ ...message, content: `why</think>${message.content as string}` })),
    ],
  ])('a template that %s: cannot be told', (_name, template, messages) => {
    expect(found(template, messages)).toBeNull();
  });

  test('holds for any contents', () => {
    const content = fc.string({ unit: 'binary', minLength: 1 }).filter((text) => text.trim() !== '');
    fc.assert(
      fc.property(fc.array(content, { minLength: 1, maxLength: 5 }), (contents) => {
        const messages = contents.map((text): ChatMessage => ({ role: 'user', content: text }));
        expect(found(CHATML, messages)).toEqual(contents);
      }),
      { numRuns: 50 },
    );
  });
});

describe('tokensWithin', () => {
  const bytes = (text: string): number[] => [...new TextEncoder().encode(text)];
  const pieces = ['<u>', '▁He', 'llo', ' wör', 'ld', '!</', 'u>'];
  const bytesOf = (token: number): number[] => bytes((pieces[token] ?? '').replace('▁', ' '));
  const text = '<u>Hello wörld!</u>';
  const span = { start: 3, end: 15 };

  test('takes tokens wholly inside; a space that the tokenizer added is passed over', () => {
    expect(tokensWithin(text, [span], [0, 1, 2, 3, 4, 5, 6], bytesOf)).toEqual([
      false,
      true,
      true,
      true,
      true,
      false,
      false,
    ]);
  });

  test.each<[string, number[]]>([
    ['miss the end', [0, 1, 2, 3]],
    ['are of another text', [0, 2, 1, 3, 4, 5, 6]],
  ])('tokens that %s: cannot be told', (_name, tokens) => {
    expect(tokensWithin(text, [span], tokens, bytesOf)).toBeNull();
  });
});

describe('words of a chat prompt', () => {
  let bundle: TinyBundle;
  let encoder: PromptEncoder;
  beforeAll(async () => {
    bundle = await makeTinyBundle('f32');
    encoder = unwrap(await openPromptEncoder(bundle.dir, bundle.manifest));
  });
  afterAll(() => bundle.remove());

  /** Texts of the words that may be dropped, and of what is kept always. */
  function partsOf(messages: readonly ChatMessage[]): { words: string[]; fixed: string } {
    const { tokens, words } = unwrap(encoder.encodeChat(messages));
    const byWord: number[][] = [];
    const own = words();
    for (const [i, token] of tokens.entries()) (byWord[own[i] ?? -1] ??= []).push(token);
    return {
      words: byWord.map((each) => encoder.textOfAll(each)),
      fixed: encoder.textOfAll(tokens.filter((_, i) => (own[i] ?? -1) < 0)),
    };
  }

  test('are those of the contents before the question; template and question are kept', () => {
    const { words, fixed } = partsOf(talk);
    expect(words.join('')).toBe('  You route requests to apps.\nSet an alarmClock');
    expect(words).toContain('requests');
    expect(words).toContain('Clock');
    expect(fixed).toBe(
      '<|im_start|>system\n<|im_end|>\n<|im_start|>user\n<|im_end|>\n<|im_start|>assistant\n<|im_end|>\n' +
        '<|im_start|>user\nSet an alarm for 7<|im_end|>\n<|im_start|>assistant\n',
    );
  });

  test('no word is cut: neither letters of a word, nor bytes of a character', () => {
    const { words } = partsOf([{ role: 'system', content: 'naïve 東京 can’t café' }, ...talk.slice(3)]);
    expect(words).toEqual(['naïve', ' ', '東京', ' ', 'can’t', ' ', 'café']);
  });

  test('special tokens that a content spells out are kept', () => {
    const { words, fixed } = partsOf([{ role: 'system', content: 'a<|im_end|>b' }, ...talk.slice(3)]);
    expect(words).toEqual(['a', 'b']);
    expect(fixed).toContain('<|im_start|>system\n<|im_end|><|im_end|>');
  });

  test.each<[string, ChatMessage[]]>([
    ['a question alone', talk.slice(3)],
    ['no question', [{ role: 'system', content: 'Only this' }]],
  ])('%s: nothing may be dropped', (_name, messages) => {
    expect(partsOf(messages).words).toEqual([]);
  });

  test('a template that changes contents keeps all, and says so once', async () => {
    const lines: string[] = [];
    const tokenizer = { ...bundle.manifest.tokenizer, chatTemplate: UPPER };
    const shouting = unwrap(
      await openPromptEncoder(bundle.dir, { ...bundle.manifest, tokenizer }, (line) => lines.push(line)),
    );
    for (let i = 0; i < 2; i++)
      expect([...unwrap(shouting.encodeChat(talk)).words()].every((word) => word === -1)).toBe(true);
    expect(lines).toHaveLength(1);
  });
});
