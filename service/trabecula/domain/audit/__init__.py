"""The audit log as the domain speaks of it: who did what to whose data, how it ended, and what a chain of seals is."""
