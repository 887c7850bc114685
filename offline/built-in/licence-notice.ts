import { BUILT_IN_MODEL } from './built-in-model.ts';
import { LICENSED_TEXTS } from './licensed-text.ts';

/** One line for manifests and the file's metadata. */
export function builtInNotice(): string {
  const texts = LICENSED_TEXTS.map(({ title, licence }) => `${title} (${licence})`).join(', ');
  return `${BUILT_IN_MODEL}: a small stand-in trained from scratch by Bungee on ${texts}; vocabulary cut from SmolLM2's (Apache-2.0).`;
}

/** The NOTICE file beside the committed weights. */
export function noticeFile(): string {
  const lines = LICENSED_TEXTS.map(({ title, origin, licence }) => `- ${title}, ${origin}, ${licence}`);
  return [
    `${BUILT_IN_MODEL}: a Llama of about 3 million parameters, trained from random weights by`,
    '`npm run train-built-in`. Apache-2.0, as the rest of Bungee.',
    '',
    'Vocabulary: the first merges of the tokenizer of HuggingFaceTB/SmolLM2-135M-Instruct, Apache-2.0.',
    '',
    'Text it was trained on:',
    ...lines,
    '',
    'None of these texts is in this folder. Orders and ranges in recipe/ were measured on text; they hold none of it.',
    '',
  ].join('\n');
}
