import js from '@eslint/js';
import globals from 'globals';
import tseslint from 'typescript-eslint';

const ROOMS = [
  'core',
  'offline',
  'device-agent',
  'virtual-phone',
  'electron',
  'renderer',
  'scripts',
  'tests',
];

/** A room may import itself and the rooms named here; design: rooms meet in `core/`. */
const MAY_IMPORT = {
  core: [],
  offline: ['core'],
  'device-agent': ['core'],
  'virtual-phone': ['core'],
  electron: ['core'],
  renderer: ['core'],
};

const roomBoundaries = Object.entries(MAY_IMPORT).map(([room, allowed]) => ({
  files: [`${room}/**/*.{ts,tsx}`],
  rules: {
    'no-restricted-imports': [
      'error',
      {
        patterns: [
          {
            group: ROOMS.filter((other) => other !== room && !allowed.includes(other)).flatMap((other) => [
              `**/../${other}/**`,
              `../${other}/**`,
            ]),
            message: `${room}/ may import only ${['itself', ...allowed].join(' and ')}; rooms meet in core/.`,
          },
          ...(room === 'core'
            ? [{ regex: '^(?!\\.|zod$)', message: 'core/ is pure: it may import zod only.' }]
            : []),
          ...(room === 'renderer'
            ? [{ group: ['node:*', 'electron'], message: 'The window has no Node.' }]
            : []),
        ],
      },
    ],
  },
}));

export default tseslint.config(
  { ignores: ['dist/**', 'node_modules/**', '.cache/**', 'test-results/**'] },
  js.configs.recommended,
  ...tseslint.configs.recommended,
  {
    files: ['**/*.{ts,tsx}'],
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    rules: {
      '@typescript-eslint/no-explicit-any': 'error',
      '@typescript-eslint/no-non-null-assertion': 'error',
      '@typescript-eslint/no-floating-promises': 'error',
      '@typescript-eslint/no-misused-promises': ['error', { checksVoidReturn: { attributes: false } }],
      '@typescript-eslint/switch-exhaustiveness-check': [
        'error',
        { considerDefaultExhaustiveForUnions: true },
      ],
      '@typescript-eslint/consistent-type-imports': 'error',
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_', varsIgnorePattern: '^_' }],
      'no-restricted-syntax': [
        'error',
        {
          selector: 'ExportDefaultDeclaration',
          message: 'Named exports only: a reader finds a thing by its name.',
        },
      ],
      eqeqeq: 'error',
    },
  },
  { files: ['**/*.config.ts'], rules: { 'no-restricted-syntax': 'off' } },
  { files: ['**/*.mjs'], languageOptions: { globals: globals.node } },
  ...roomBoundaries,
);
