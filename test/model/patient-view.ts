import type { SubjectView } from './subject.ts'

/** Far more than a fault in a few calls of a hundred can make necessary. */
const TRIES_MAX = 200

/** A client that tries again when it is told JUKEBOX. A call that was put off must not have had an effect. */
export function patientView(view: SubjectView): SubjectView {
  return {
    overTheWire: view.overTheWire,
    root: () => view.root(),
    perform: (caller, call, guard) => untilAnswered(() => view.perform(caller, call, guard)),
    list: (caller, directory, page) => untilAnswered(() => view.list(caller, directory, page)),
  }
}

async function untilAnswered<Answer extends { readonly status: string }>(
  ask: () => Promise<Answer>,
): Promise<Answer> {
  for (let tries = 1; ; tries += 1) {
    const answer = await ask()
    if (answer.status !== 'JUKEBOX' || tries === TRIES_MAX) return answer
  }
}
