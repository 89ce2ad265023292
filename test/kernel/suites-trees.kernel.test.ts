import { applicationSuite } from './application-suite.ts'

/** Split from the others so that two guests share the work. */
applicationSuite('programs that walk', [
  ...['tar', 'rsync', 'copy-subtree', 'find', 'odd-names', 'remove-while-listing', 'stress-ng'],
])
