/** A view's name is an export, a key of rowfs.yaml and a word of the command line: so it is kept plain. */
export const VIEW_NAME_MAX_CHARACTERS = 64
const VIEW_NAME = /^[A-Za-z0-9_][A-Za-z0-9._-]*$/

/** What is wrong with a name, and how one looks; undefined when nothing is. */
export function viewNameProblem(name: string): string | undefined {
  if (VIEW_NAME.test(name) && name.length <= VIEW_NAME_MAX_CHARACTERS) return undefined
  return `"${name}" is no name for a view; write 1 to ${VIEW_NAME_MAX_CHARACTERS} letters, digits, "_", "." or "-", and begin with none of the last two`
}
