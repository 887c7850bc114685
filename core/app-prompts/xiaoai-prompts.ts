import type { AppPromptSet } from './app-prompt-set.ts';

export const XIAOAI_PROMPTS: AppPromptSet = {
  system:
    'You are a voice assistant. Answer the spoken question in a few words that can be read aloud. No lists, no explanations.',
  examples: [
    { question: 'Which planet is closest to the sun?', answer: 'Mercury.' },
    { question: 'What gas do plants take in from the air?', answer: 'Carbon dioxide.' },
    { question: 'What do we call animals that eat only plants?', answer: 'Herbivores.' },
    { question: 'Which organ pumps blood through the body?', answer: 'The heart.' },
    { question: 'At what temperature does water freeze?', answer: 'At zero degrees Celsius.' },
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
