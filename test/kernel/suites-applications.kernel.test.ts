import { applicationSuite } from './application-suite.ts'

/** Split from the others so that two guests share the work. */
applicationSuite('programs that write', ['fio', 'sqlite', 'git', 'compile', 'dpkg', 'execute', 'big-files'])
