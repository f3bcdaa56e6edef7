"""The one place where what happened goes out: on disk first, then by a thread.

`outbox` is what a run calls. It makes copies without secrets and appends them to a spool, a file of
`records`; a sender turns them into `requests` and sends those over a `transport`, or leaves them
for a later run. Nothing here raises into the experiment.
"""
