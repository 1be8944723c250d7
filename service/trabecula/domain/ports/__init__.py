"""What the use cases need of the world, as protocols; adapters live in the rooms outside.

Ports keep SQL, sockets and files out of ``pipeline``. A port speaks the words of the domain and nothing of a library;
what only one adapter needs does not belong into it.
"""
