"""The distributed driver: Procrastinate's queue in the store's own database names the incidents to work on.

The journal is the source of truth and the queue is disposable. A job ``advance(incident)`` is deferred in the transaction of
its events. A worker claims it, gives the incident to the same loop that the embedded driver runs, and ends
it when nothing of that incident is in progress any more. If jobs are lost, a sweep creates them again from the journal.
"""
