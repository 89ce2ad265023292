/** Thrown by the parser of one value: what is wrong with it, and what to write instead. */
export class SettingProblem extends Error {
  override readonly name = 'SettingProblem'
}

/** One thing that is wrong in the settings, and where. */
export interface SettingFinding {
  /** "rowfs.yaml line 7" or "--squash". */
  readonly where: string
  /** The key with dots: "views.default.squash". */
  readonly key: string
  /** What is wrong, and the fix. */
  readonly what: string
}

/** Thrown when the settings cannot be used; `findings` has everything that is wrong, not only the first. */
export class SettingsError extends Error {
  override readonly name = 'SettingsError'
  readonly findings: readonly SettingFinding[]
  constructor(findings: readonly SettingFinding[]) {
    super(findings.map((one) => `${one.where}, ${one.key}: ${one.what}`).join('\n'))
    this.findings = findings
  }
}
