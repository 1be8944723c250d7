"""What the commands of training show while and after they work: progress, and the end of a run."""
