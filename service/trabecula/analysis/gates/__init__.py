"""Gates: what keeps a level or a study from being measured, one small function each, in tables."""
