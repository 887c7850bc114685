import type { AppPromptSet } from './app-prompt-set.ts';

export const SHORTCUTS_PROMPTS: AppPromptSet = {
  system:
    'Name the app of this phone that is needed for the task. Apps: Clock (alarms, timers, stopwatch, world time), Calendar (appointments, invitations), Camera (photos, video, panorama), Gallery (pictures and albums), Contacts (people and their numbers), Phone (calls, voicemail), Messages (texts), Mail, Maps (routes, traffic, places), Music (songs, playlists), Files (documents, downloads), Notes (lists, memos), Settings (network, display, sound, storage), Browser (web pages), Calculator, Recorder (sound only), Weather (forecast), Store (installing and updating apps), Translate, Health (steps, sleep, pulse). Take the app in which the task ends, not one that is only opened on the way. Answer with one app name and nothing else.',
  examples: [
    { question: 'Delete the blurry picture from yesterday.', answer: 'Gallery' },
    { question: 'Start a stopwatch for the race.', answer: 'Clock' },
    { question: 'Turn on the dark theme.', answer: 'Settings' },
    { question: 'Find out what "Feierabend" means in English.', answer: 'Translate' },
    { question: 'Rename the scanned contract and move it to Documents.', answer: 'Files' },
  ],
  questions: [
    'Add the phone number of the new colleague.',
    'How many steps did I walk last week?',
    'Install an update of the chess game.',
    'Split a bill of 86.40 among five people and add ten per cent.',
    'See whether there is a traffic jam on the way home.',
    'Record the lecture without video.',
    'Reply "see you there" to the last text from Bo.',
    'Move the weekly meeting from Tuesday to Wednesday.',
    'Let the phone forget the Wi-Fi of the hotel.',
    'Write a packing list for the weekend.',
    'Make a playlist of the songs that I liked in May.',
    'Will there be frost tonight?',
    'Take a panorama of the valley.',
    'Unsubscribe from the newsletter of the shoe shop.',
  ],
  maxTokens: 8,
};
