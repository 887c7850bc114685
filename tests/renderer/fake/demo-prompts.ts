import type { AppId } from '../../../core/app.ts';
import { compressPrompt, wordScores, wordsOf } from '../../../core/compress-prompt.ts';

/** Made-up prompts of the six apps: what may be shortened (system prompt, examples), then the question. */
const PROMPTS: Readonly<Record<AppId, { readonly context: string; readonly question: string }>> = {
  rewind: {
    context:
      'You answer questions from what was on the screen. 09:12 Mail: Dana Ruiz moved the budget review to Thursday 10:30, room 4B, and asks everyone to bring the figures of the third quarter. 09:40 Calendar: dentist on Wednesday at 8:15, Lindenstrasse 12. 10:05 Chat: Femi says that the parcel with the two spare batteries arrived and lies at the front desk. 10:31 Browser: train to Hamburg, 14:06 from platform 7, seat 61 in coach 22, 49.90 EUR. 11:02 Notes: milk, rye bread, olives, a card for Ana, the blue printer paper. ',
    question: 'Question: When and where is the budget review, and what do I have to bring? Answer:',
  },
  gmail: {
    context:
      'Write a short and friendly reply in the tone of the user. Examples of earlier replies: "Thanks, Tuesday works well for me, see you at nine." "Sorry for the delay, I have attached the corrected invoice." The mail to answer is from Priya Nair, subject: slides for Monday. Hi, could you send me the final slides for the customer visit by Friday noon? Please leave the prices out of them, and let me know whether Tom or you will present the second part. I would also like to have the logo replaced by the new one. ',
    question: 'Reply to Priya that the slides will come on Friday morning and that Tom presents. Reply:',
  },
  octopus: {
    context:
      'Below are the functions that the phone offers; name the one that fits. take_a_photo(camera, resolution) takes a photo with the front or the back camera. get_trending_news(language, region) lists the news of the day. get_weather_forecast(location) tells the weather of the next days. send_email(recipient, subject, content) sends a mail. search_youtube_videos(query) finds videos. find_route_google_maps(origin, destination, mode) plans a route. set_timer_alarm(time, label) sets an alarm. create_calendar_event(title, start, end) enters a date. ',
    question: 'Query: Wake me up at 6:45 for the early flight. Function:',
  },
  shortcuts: {
    context:
      'Choose the app for the task. Apps: Camera for pictures and videos, Maps for ways and traffic, Clock for alarms and timers, Wallet for cards and tickets, Notes for lists and drafts, Music for songs and podcasts, Health for steps and sleep. Examples: "How long do I need to the airport?" is Maps. "Play the interview from yesterday" is Music. "Write down what we need for the trip" is Notes. ',
    question: 'Task: Show me the boarding pass for tonight. App:',
  },
  gboard: {
    context:
      'Suggest the next words. The user writes in English, shortly and without emoji. Earlier in this chat: Are you still at the office? Yes, but I leave in ten minutes. Could you pick up the cake on the way? Which bakery was it again? The one next to the cinema, it is paid already. ',
    question: 'The user types: Sure, I will be there at',
  },
  xiaoai: {
    context:
      'You are a voice assistant at home. Answer in one sentence. Rooms: kitchen, living room, bedroom. The washing machine has 23 minutes left. The living room has 21.4 degrees, the window of the bedroom is open, the light in the kitchen is on since 17:20. ',
    question: 'Said: how long does the washing machine still take?',
  },
};

const DULL_WORDS =
  'a an and are as at by for from has have i in is it me of on or that the then they this to was what with you your'.split(
    ' ',
  );

export interface DemoPrompt {
  readonly pieces: readonly string[];
  readonly compressible: readonly boolean[];
}

/** @param repeats how many times the context stands in the prompt, so that some prompts are long. */
export function demoPrompt(app: AppId, repeats: number): DemoPrompt {
  const { context, question } = PROMPTS[app];
  const split = (text: string): string[] =>
    text.match(/\s*[\p{L}\p{N}]{1,7}|\s*[^\s\p{L}\p{N}]+|\s+/gu) ?? [];
  const dropped = split(context.repeat(repeats));
  const fixed = split(question);
  return {
    pieces: [...dropped, ...fixed],
    compressible: [...dropped.map(() => true), ...fixed.map(() => false)],
  };
}

export interface DemoWord {
  text: string;
  score: number | null;
  kept: boolean;
}

/** The prompt in words as the agent tells it, compressed by the product's own rule over made-up scores. */
export function demoWords(
  { pieces, compressible }: DemoPrompt,
  promptLevel: number,
  random: () => number,
): DemoWord[] {
  const words = wordsOf(pieces, compressible);
  const prompt = { tokens: pieces.map((_, i) => i), words };
  const scores = wordScores(
    prompt,
    pieces.map((piece) => score(piece.trim().toLowerCase(), random)),
  );
  const kept = new Set(compressPrompt(prompt, scores, promptLevel));
  const found: DemoWord[] = [];
  for (const [i, piece] of pieces.entries()) {
    const word = words[i] ?? -1;
    const last = found.at(-1);
    if (last !== undefined && i > 0 && word === words[i - 1]) last.text += piece;
    else found.push({ text: piece, score: word < 0 ? null : (scores[word] ?? 0), kept: kept.has(i) });
  }
  return found;
}

function score(word: string, random: () => number): number {
  if (/^[^\p{L}\p{N}]*$/u.test(word)) return 0.05 + 0.5 * random();
  if (DULL_WORDS.includes(word)) return 0.04 + 0.25 * random();
  return Math.min(0.99, (/\d/.test(word) ? 0.55 : 0.3) + 0.45 * random());
}
