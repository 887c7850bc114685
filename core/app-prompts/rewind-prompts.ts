import type { AppPromptSet } from './app-prompt-set.ts';

export const REWIND_PROMPTS: AppPromptSet = {
  system:
    'You are Rewind. You read notes of what was on the screen earlier and answer the question about them in one short sentence. If the notes do not say, answer "Not on screen".',
  examples: [
    {
      question:
        'Screen 09:12, Mail: "Hi, the dentist moved us to Thursday at 15:40, room 3 on the second floor." Screen 09:14, Calendar: Thursday is empty. Question: When is the dentist appointment?',
      answer: 'Thursday at 15:40.',
    },
    {
      question:
        'Screen 11:02, Browser: "Train 418 to Lyon leaves from platform 7 and stops in Dijon." Screen 11:05, Notes: "buy coffee beans". Question: Which platform does the train leave from?',
      answer: 'Platform 7.',
    },
    {
      question:
        'Screen 13:30, Chat with Ana: "the parcel code is 5521, the locker is behind the bakery". Question: Where is the locker?',
      answer: 'Behind the bakery.',
    },
    {
      question:
        'Screen 16:45, Shop: "Order 10023: two desk lamps, delivered Monday, 84 euros". Question: What colour are the lamps?',
      answer: 'Not on screen.',
    },
    {
      question:
        'Screen 18:10, Weather: "Rain until nine, then clear, 11 degrees at night." Question: When does the rain stop?',
      answer: 'At nine.',
    },
  ],
  questions: [
    'Screen 08:03, Mail from the landlord: "The heating will be off on Wednesday from 8 to 12. Please keep the cellar door open for the plumber, his name is Mr Okafor." Screen 08:05, Calendar: Wednesday, 10:00 team meeting. Screen 08:20, Notes: "ask about the bike room". Question: When will the heating be off?',
    'Screen 10:41, Document "Budget": travel 1,200, hardware 3,450, training 800, total 5,450. Screen 10:44, Chat with Ming: "can we move 300 from travel to training?" Screen 10:50, Document "Budget": travel 900, hardware 3,450, training 1,100. Question: How much is planned for training now?',
    'Screen 12:15, Map: "Walk 12 minutes to Harbour Street 9, turn left at the library." Screen 12:16, Restaurant page: "Open 11:30 to 14:00, closed on Tuesday, lunch menu 13.50". Question: Until what time is the restaurant open?',
    'Screen 14:07, Terminal: "build finished in 94 s, 2 warnings, 0 errors". Screen 14:09, Review by Tom: "please rename the flag, then it is fine with me". Screen 14:12, Terminal: "412 passed, 0 failed". Question: What did Tom ask for?',
    'Screen 15:33, Photo app: album "Bergen 2024", 218 photos, shared with Lea and Jonas. Screen 15:35, Chat with Lea: "the one with the red boat is my favourite". Question: Who is the album shared with?',
    'Screen 17:22, Bank: "Card ending 4410, payment of 39.90 to City Gym on 2 May, next payment 2 June". Screen 17:25, Mail from City Gym: "you can pause your membership for up to three months". Question: When is the next payment?',
    'Screen 19:02, Recipe: "Soak 250 g of beans overnight. Fry one onion and two carrots, add the beans and 1 litre of stock, cook for 70 minutes, salt at the end." Question: How long do the beans cook?',
    'Screen 20:48, Video call: shared slide "Launch plan: beta on 14 March, store review 21 March, launch 4 April; owner of the store page: Priya". Screen 20:51, Notes: "send Priya the icons". Question: Who owns the store page?',
    'Screen 07:55, News: "The ferry to the island runs every hour from 6 to 20 until the end of September, then every two hours." Screen 07:57, Calendar: "Island trip, 12 October". Question: How often does the ferry run in October?',
    'Screen 21:30, Settings: storage 118 GB of 128 GB used, photos 61 GB, apps 32 GB, other 25 GB. Question: What uses the most storage?',
  ],
  maxTokens: 24,
};
