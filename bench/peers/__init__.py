"""Ours beside other job engines on one Redis: the same workloads, the same checks, taking turns.

The runner (`peers.run`) starts a redis-server of its own for every figure, then one process that produces and one or
two that work, each in the venv of the engine it measures. What an engine has to say is one file in `adapters/`: how it
is set up, how a job is put in, how its worker is run, and what is left of a queue in the store. Everything else, the
handlers, the loops that produce, the clocks and the verdict, is the same for all of them.

Handlers note every start and every completion in a ledger (`peers.ledger`), a file mapped into the worker's memory, so
that a worker that is killed loses no note. The verdict is exact: distinct jobs done, lost, done twice, left in the
store.
"""
