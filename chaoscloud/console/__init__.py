"""The console: a service that keeps the record of experiments, and says whether they may run.

It shares a protocol with the plugin (`docs/protocol.md`) and no code: nothing here is imported by a
`chaos` process, and nothing of the plugin is imported here.
"""
