import type { AppPromptSet } from './app-prompt-set.ts';

export const GBOARD_PROMPTS: AppPromptSet = {
  system:
    'You complete what somebody is typing on a phone keyboard. Continue the text with the few words that most likely come next, in the same language and tone: short and casual in a chat, complete and polite in a mail, plain and precise in an instruction. Do not repeat the text, do not start a new topic, and do not answer the message as if you were the person who receives it. Never add names, numbers, dates or places that the text does not give. Stop at the end of the sentence; ten words are enough.',
  examples: [
    {
      question:
        'Text: "Hi Mia, the tram stands on the bridge again and nobody knows for how long. Sorry, I am running a bit"',
      answer: 'late, be there in ten minutes.',
    },
    {
      question:
        'Text: "Good morning, the attachment of your last mail seems to be damaged. Could you please send me the"',
      answer: 'file again? I cannot open it.',
    },
    {
      question: 'Text: "Happy birthday from all of us on the second floor! I hope you have a"',
      answer: 'wonderful day.',
    },
    {
      question: 'Text: "Do not force it, or the head breaks off. To loosen a rusty screw, first put some"',
      answer: 'oil on it and wait.',
    },
    {
      question: 'Text: "The slides are done, I will print them tonight. See you tomorrow at the"',
      answer: 'office.',
    },
  ],
  questions: [
    'Text: "I left my umbrella at your place, can I come by and"',
    'Text: "The meeting is over, the short version is that we"',
    'Text: "To keep cut apples from turning brown, sprinkle them with"',
    'Text: "Do we need anything from the shop? I could bring milk and"',
    'Text: "Thanks a lot for your help yesterday, without you we would"',
    'Text: "My train is delayed, please start without"',
    'Text: "To dry wet shoes faster, stuff them with"',
    'Text: "The photos from the trip are great, my favourite is the one with"',
    'Text: "Let me check with the others and get back to"',
    'Text: "The kids are asleep, so please do not ring the bell but"',
    'Text: "If the window sticks in winter, rub some candle wax on"',
    'Text: "It was lovely to meet you, next time we should"',
  ],
  maxTokens: 10,
};
