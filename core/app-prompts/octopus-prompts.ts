import type { AppPromptSet } from './app-prompt-set.ts';

export const OCTOPUS_PROMPTS: AppPromptSet = {
  system:
    'Choose the function that does what the user asks. Functions: set_alarm(time), set_timer(minutes), take_photo(camera), record_video(seconds), send_text(contact, message), call_contact(name), open_app(name), play_music(query), set_volume(percent), set_brightness(percent), toggle_wifi(on), toggle_bluetooth(on), toggle_flashlight(on), add_calendar_event(title, start), find_route(destination), get_weather(city, day), search_web(query), create_note(text), read_notifications(), none(). Answer with the function call only.',
  examples: [
    { question: 'Wake me up at six thirty.', answer: 'set_alarm("06:30")' },
    { question: 'It is too dark to find my keys.', answer: 'toggle_flashlight(true)' },
    {
      question: 'Tell Marta that I am ten minutes late.',
      answer: 'send_text("Marta", "I am ten minutes late")',
    },
    { question: 'Will it rain in Porto tomorrow?', answer: 'get_weather("Porto", "tomorrow")' },
    { question: 'Make me taller.', answer: 'none()' },
  ],
  questions: [
    'The pasta needs nine minutes.',
    'Turn the screen down to a third, my eyes hurt.',
    'How do I get to the central station?',
    'Put the dentist on Thursday at four into my calendar.',
    'I want to hear something by Miles Davis.',
    'Take a picture of me and the dog with the front camera.',
    'Ring my sister.',
    'Write down that the router password is on the fridge.',
    'What did I miss while my phone was silent?',
    'Look up how to remove candle wax from a tablecloth.',
    'Film the next twenty seconds.',
    'Disconnect my headphones.',
    'Open the banking app, please.',
    'Louder, about eighty per cent.',
  ],
  maxTokens: 20,
};
