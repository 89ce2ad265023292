"""The list of all cases: one file of `cases/` per system call, one suite per file."""

import importlib
import pkgutil
from dataclasses import dataclass


@dataclass(frozen=True)
class Case:
    suite: str
    number: int
    title: str
    #: name -> Prepared; '.' is the case's directory itself.
    prepared: dict
    #: body(trial)
    body: callable

    @property
    def path(self):
        """Where the case lives below the root of the run."""
        return f'{self.suite}/{self.number:03d}'

    @property
    def label(self):
        return f'{self.path} {self.title}'


class Suite:
    def __init__(self, name):
        self.name = name
        self.cases = []

    def add(self, title, prepared, body):
        self.cases.append(Case(self.name, len(self.cases) + 1, title, prepared, body))

    def case(self, title, prepared=None):
        """The decorated function is the body; its default arguments may keep a loop's variables."""

        def register(body):
            self.add(title, prepared or {}, body)
            return body

        return register


def load_cases(only=()):
    """All cases in order; `only` names suites ("rename") or single cases ("rename/017")."""
    import cases as package

    found = []
    for module in sorted(pkgutil.iter_modules(package.__path__), key=lambda entry: entry.name):
        found += importlib.import_module(f'{package.__name__}.{module.name}').suite.cases
    if not only:
        return found
    chosen = [case for case in found if case.suite in only or case.path in only]
    unknown = set(only) - {case.suite for case in chosen} - {case.path for case in chosen}
    if unknown:
        raise SystemExit(f'no such suite or case: {", ".join(sorted(unknown))}')
    return chosen
