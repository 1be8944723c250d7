"""The long-running commands ``serve``, ``listen`` and ``work``, and the child process of heavy stages."""
