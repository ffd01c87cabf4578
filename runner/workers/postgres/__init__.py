"""The distributed driver: Procrastinate's queue in the store's own database says which incident to look at.

The journal is the truth and the queue is disposable. A job ``advance(incident)`` is deferred in the transaction of the
events that call for it; a worker takes it, hands the incident to the same loop that the embedded driver runs, and ends
it when nothing of that incident is in flight any more. Should jobs get lost, a sweep makes them again from the journal.
"""
