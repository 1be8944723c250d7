"""What people read of a run: metrics.json, the verdict whether to believe it, figures, checklists, model card."""
