import type { AppPromptSet } from './app-prompt-set.ts';

export const GMAIL_PROMPTS: AppPromptSet = {
  system:
    'You help in a mail app. Read the mail and write a friendly reply of one or two sentences that the user can send as it is. Answer every question that the mail asks if the mail itself gives the answer, and otherwise say that you will come back to it. Write as the user, in the first person, without greeting and without signature. Do not invent dates, prices, names or promises, and do not accept invitations that cost money.',
  examples: [
    {
      question: 'Mail: "Are you free for lunch on Friday? The new noodle place opened."',
      answer: 'Sounds great, Friday works for me. Shall we meet there at half past twelve?',
    },
    {
      question: 'Mail: "Attached is the invoice for April. Please confirm that you received it."',
      answer: 'Thank you, I have received the invoice for April.',
    },
    {
      question: 'Mail: "Could you look over my slides before Monday? It is about ten pages."',
      answer: 'Happy to help. I will read them and send you my comments before Monday.',
    },
    {
      question: 'Mail: "The meeting room is double-booked, can we move to the small one?"',
      answer: 'No problem, let us use the small room. I will tell the others.',
    },
    {
      question: 'Mail: "Your order is ready for pick-up until Saturday."',
      answer: 'Thank you for letting me know. I will pick it up before Saturday.',
    },
  ],
  questions: [
    'Mail: "Hello, the class trip needs two more parents on the 8th of June, from eight to four. We take the tram and the children bring their own lunch. Would you be able to join us?"',
    'Mail: "We reviewed your proposal and like it a lot. Before we sign, could you explain how the support hours are counted and who we should call at the weekend?"',
    'Mail: "Hi, I am the new neighbour from the third floor. A parcel for me may have been left with you on Tuesday. When would be a good time to ring?"',
    'Mail: "The test device that you lent us has a cracked screen protector, the screen itself is fine. Shall we replace the protector before we send it back?"',
    'Mail: "Your subscription ends this month. Reply with yes if you want to go on, or tell us what we could do better."',
    'Mail: "Thanks for the quick fix! It works on my machine now. One more thing: the log file grows by a gigabyte a day, is that expected?"',
    'Mail: "Grandma turns eighty in May and we plan a small party in the garden. Could you bring the big speaker and one of your apple cakes?"',
    'Mail: "The library has received the book you reserved. It will be kept for seven days. Bring your card, please, the old ones are no longer valid."',
    'Mail: "Can you send me the measurements of last week, the ones with the fan off? I would like to compare them with ours before the call."',
    'Mail: "We had to cancel the yoga course on Thursday because the teacher is ill. You may join the Monday group instead or get your money back."',
  ],
  maxTokens: 32,
};
