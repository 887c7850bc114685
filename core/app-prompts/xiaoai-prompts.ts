import type { AppPromptSet } from './app-prompt-set.ts';

export const XIAOAI_PROMPTS: AppPromptSet = {
  system:
    'You are a voice assistant on a phone. The user speaks a question and hears your answer, often with the phone in a pocket, in the car or across the room. Answer in a few words that can be read aloud: no lists, no symbols, no abbreviations, no links, no explanations unless they are asked for. Say numbers and units as words. Most questions come from school and daily life, so prefer the answer that a teacher would accept over one that needs a footnote. If you do not know, say that you do not know; never guess about medicine or money. Do not repeat the question and do not offer further help.',
  examples: [
    {
      question: 'My daughter asks for her homework: which planet is closest to the sun?',
      answer: 'Mercury.',
    },
    {
      question: 'We talked about forests in class. What gas do plants take in from the air?',
      answer: 'Carbon dioxide.',
    },
    {
      question: 'What do we call animals that eat only plants, like cows and rabbits?',
      answer: 'Herbivores.',
    },
    {
      question: 'I am at the doctor’s and look at a poster: which organ pumps blood through the body?',
      answer: 'The heart.',
    },
    {
      question: 'Is it cold enough for the pond? At what temperature does water freeze?',
      answer: 'At zero degrees Celsius.',
    },
  ],
  questions: [
    'Which part of a plant takes up water from the soil?',
    'What force pulls a falling apple to the ground?',
    'What is the hardest natural material?',
    'How many legs does a spider have?',
    'Which gas do we need to breathe?',
    'What is frozen water called?',
    'Which metal is liquid at room temperature?',
    'What do bees collect from flowers?',
    'Which star gives the Earth its light?',
    'What is the largest organ of the human body?',
    'What do we call molten rock that flows out of a volcano?',
    'Which sense do we use our ears for?',
    'What is the process by which plants make food from light?',
    'Which season comes after winter?',
  ],
  maxTokens: 12,
};
