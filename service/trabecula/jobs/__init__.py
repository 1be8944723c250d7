"""The jobs: Procrastinate's queue in the ledger's database, its tasks and workers, and children for heavy work.

A result and the next job are one transaction. Heavy work runs in a child process, so that heartbeats go on and a
crash costs one job; what died with its worker is run again (``rescue``). The child is forked from a warm server of the
worker (``warm`` on the worker's side, ``forking`` on the server's), or started from nothing where that was lost
(``spawning``). What a stage does is the business of ``pipeline``.
"""
