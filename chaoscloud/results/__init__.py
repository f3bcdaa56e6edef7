"""What a run came to, for machines and people in CI: test cases, a summary, a gate.

All of it is read from the journal, so it needs neither a console nor a sign-in. `cases` says which
cases a journal holds, `junit` and `summary` write them down, `gate` decides about an exit code,
`recorder` has them written at the end of a run, where `targets` says.
"""
